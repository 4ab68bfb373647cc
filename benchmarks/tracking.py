"""What MLflow adds per trial with 70 metric points, on SQLite.

Run: python -m benchmarks.tracking
Wanted: at most 25 ms more than the same sweep without MLflow.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.replayed import milliseconds, run, write_table

TRIALS, RUNGS, METRICS = 200, 10, 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "curves.csv"
        write_table(table, RUNGS, extra_metrics=METRICS - 1)
        without = milliseconds(run(Path(folder) / "without", TRIALS, table, "random"))
        recorded = milliseconds(run(Path(folder) / "with", TRIALS, table, "random", with_mlflow=True))
        print(f"{TRIALS} replayed trials, {RUNGS * METRICS} metric points each, one process")
        print(f"without MLflow: {without:.1f} ms per trial")
        print(f"with MLflow:    {recorded:.1f} ms per trial, {recorded - without:.1f} ms more")


if __name__ == "__main__":
    main()
