"""What the driver costs per trial: sampling, composing, recording, deciding, mirroring.

Run: python -m benchmarks.driver
Wanted: at most 25 ms per trial with TPE and 10 reports per trial, at most twice that at 1,000 trials.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.replayed import milliseconds, run, write_table

TRIALS, PART, REPORTS = 1000, 100, 10


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "curves.csv"
        write_table(table, REPORTS)
        print(f"{TRIALS} replayed trials, {REPORTS} reports each, Optuna in memory mirrored to SQLite, one process")
        print("| Sampler | ms per trial, first 100 | ms per trial, last 100 | ratio |")
        print("| ------- | ----------------------: | ---------------------: | ----: |")
        for sampler in ("tpe", "random"):
            seconds = run(Path(folder) / sampler, TRIALS, table, sampler)
            first, last = milliseconds(seconds[:PART]), milliseconds(seconds[-PART:])
            print(f"| {sampler:<7} | {first:23.1f} | {last:22.1f} | {last / first:5.2f} |")


if __name__ == "__main__":
    main()
