"""The nine trials of `make sweep` against the same trials as separate TRL processes.

Run: python -m benchmarks.first_sweep
Wanted: at least 3 times faster in wall-clock. The TRL processes run one after the other, as a shell loop would run
them, with torch's own number of threads; a second figure runs as many at once as there are cores, one thread each.
Ours includes planning, MLflow, label scoring, the untrained base and the leaderboard; the model is built before.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RANKS, RATES, STEPS = (4, 8, 16), ("2e-3", "4e-3", "8e-3"), 200
ROOT = Path(__file__).parent.parent


def timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def run(arguments: Sequence[str], folder: Path, threads: int | None = None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LORA_SWEEPER_CACHE": str(folder.parent / "cache")}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def sweep(folder: Path) -> None:
    axes = [f"lora.r={','.join(map(str, RANKS))}", f"training.learning_rate={','.join(RATES)}"]
    run(["sweeper", "-m", *axes, f"training.max_steps={STEPS}", f"training.eval_steps={STEPS // 4}"], folder)


def trl(folder: Path, model: str, at_once: int) -> None:
    threads = 1 if at_once > 1 else None
    jobs = [
        (["benchmarks.trl_trial", model, str(r), rate, str(STEPS)], folder / f"{r}-{rate}", threads)
        for r, rate in itertools.product(RANKS, RATES)
    ]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda job: run(*job), jobs))


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(["sweeper", "training.max_steps=1", "sweep.name=build"], folder / "build")
        (model,) = (folder / "cache").glob("tiny-*/")
        ours = timed(lambda: sweep(folder / "ours"))
        print(f"nine trials of {STEPS} steps on {cores} cores")
        print(f"lora-sweep:                            {ours:6.1f} s")
        for at_once in (1, cores):
            seconds = timed(lambda at_once=at_once: trl(folder / f"trl{at_once}", str(model), at_once))  # type: ignore[misc]
            print(
                f"separate TRL processes, {at_once} at a time:   {seconds:6.1f} s, {seconds / ours:.1f} times as long"
            )


if __name__ == "__main__":
    main()
