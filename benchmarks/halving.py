"""Pause and promote against asynchronous ASHA, on recorded curves: what each finds at the same cost.

Run: python -m benchmarks.halving
The curves are a real sweep's: 100 trials (rank x learning rate x dropout) of the bundled model, nine evaluations each.
Every repetition shuffles them, and the order in which four workers' events arrive. Halving runs the first 32; the
others take trials from the same shuffled list until exactly as many evaluations are spent. Regret is the best eval loss
seen by then, above the best of all 100.
Wanted: a lower regret than ASHA's.
"""

from __future__ import annotations

import functools
import random
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arrivals import replay, understood
from sweeper.command import Command
from sweeper.history import History
from sweeper.search import Known, Params

TABLE = Path(__file__).parent / "curves" / "tiny_lora.csv"
REPETITIONS, TRIALS, WORKERS = 200, 32, 4


@dataclass
class Listed:
    """Takes points from a list."""

    points: list[Params]

    def next(self, number: int, known: Known) -> Params | None:
        """Returns the next point, None after the last."""
        return self.points[number] if number < len(self.points) else None


def spent(history: History) -> int:
    """Counts the evaluations that were computed."""
    return sum(len(trial.rungs) for trial in history.contenders)


def best(history: History) -> float:
    """Returns the best eval loss seen."""
    return min(values["eval_loss"] for trial in history.contenders for _, values in trial.rungs)


def axes() -> list[str]:
    rates = "2.5e-4,5e-4,1e-3,2e-3,4e-3,6e-3,8e-3,1.2e-2,1.6e-2,3e-2"
    return ["lora.r=2,4,8,16,32", f"training.learning_rate={rates}", "lora.dropout=0,0.1", "executor=inline"]


def once(folder: Path, rules: dict[str, Command], seed: int) -> dict[str, float]:
    """Returns the best loss that each rule sees at halving's cost; the cost itself as `evaluations`."""
    points = list(rules["halving"].space.grid())
    random.Random(seed).shuffle(points)
    run = functools.partial(replay, table=TABLE, workers=WORKERS, seed=seed)
    halved = run(folder / f"h{seed}", rules["halving"], searched=Listed(points[:TRIALS]))
    found, budget = {"halving": best(halved), "evaluations": float(spent(halved))}, spent(halved)
    for name in ("asha", "none"):
        asked, search = rules[name], Listed(points)
        found[name] = best(
            run(folder / f"{name}{seed}", asked, searched=search, stop_when=lambda h: spent(h) >= budget)
        )
    return found


def main() -> None:
    names = {"halving": "pause and promote", "asha": "ASHA (Optuna)", "none": "no pruning"}
    rules = {name: understood(TABLE, *axes(), f"pruner={name}") for name in names}
    with tempfile.TemporaryDirectory() as folder:
        results = [once(Path(folder), rules, seed) for seed in range(REPETITIONS)]
        whole = replay(Path(folder) / "whole", rules["none"], TABLE)
    cost = statistics.mean(result["evaluations"] for result in results)
    print(
        f"{REPETITIONS} shuffles of {len(whole.contenders)} recorded trials, {WORKERS} workers, {cost:.0f} evaluations"
    )
    print("| Rule | mean regret | standard error | against halving, paired |")
    print("| ---- | ----------: | -------------: | ----------------------: |")
    for name, words in names.items():
        regrets = [result[name] - best(whole) for result in results]
        paired = [result[name] - result["halving"] for result in results]
        cells = [*spread(regrets), f"{statistics.mean(paired):+.4f} ± {spread(paired)[1]}"]
        print(f"| {words} | {' | '.join(cells)} |")


def spread(values: list[float]) -> tuple[str, str]:
    """Returns the mean and its standard error."""
    return f"{statistics.mean(values):.4f}", f"{statistics.stdev(values) / len(values) ** 0.5:.4f}"


if __name__ == "__main__":
    main()
