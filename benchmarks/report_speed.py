"""What a report of a thousand trials takes: seconds and memory of `lora-report report` in a process of its own.

Run: python -m benchmarks.report_speed [TRIALS]
Wanted: under 15 s and 1 GB for 1,000 trials.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.replayed import run, write_table

TRIALS, RUNGS, METRICS = 1000, 10, 7


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "curves.csv", RUNGS, extra_metrics=METRICS - 1)
        run(folder / "sweep", trials, folder / "curves.csv", "random", with_mlflow=True)
        seconds, mib = measured(folder / "sweep" / "mlflow.db", folder / "report")
        sizes = {path.name: path.stat().st_size for path in sorted((folder / "report").rglob("*")) if path.is_file()}
    print(f"{trials} replayed trials, {RUNGS * METRICS} metric points each, in MLflow's SQLite")
    print(f"lora-report report: {seconds:.1f} s, {mib:.0f} MiB at its peak")
    print(", ".join(f"{name} {size / 1000:.0f} kB" for name, size in sizes.items()))


def measured(database: Path, folder: Path) -> tuple[float, float]:
    """Writes a report; returns the wall clock's seconds and the peak resident memory in MiB, of that process alone."""
    where = ["--output", str(folder), "--tracking-uri", f"sqlite:///{database}", "--experiment", "bench"]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "analysis", "report", *where], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("lora-report report failed")
    return seconds, usage.ru_maxrss / 1024  # kilobytes on Linux, getrusage(2)


if __name__ == "__main__":
    main()
