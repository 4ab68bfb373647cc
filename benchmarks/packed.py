"""Trials of the bundled model in one pass against a warm loop of TRL trainers, on a CPU.

Run: python -m benchmarks.packed [--only PART ...] [--slots K] [--trials N] [--steps N] [--threads T]
Wanted: at least 4 times faster than the loop, at the same losses; cost linear in the number of trials; memory that does
not grow. The loop is a careful user's: imports, model and rows are loaded before, each trial makes an adapter and an
SFTTrainer on the same base. Both evaluate on all validation rows every so often; ours also scores every label of every
row (accuracy, macro-F1), which TRL's evaluation does not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

from benchmarks import bundled_trials
from benchmarks.markdown import table
from benchmarks.packed_ways import Cost, Trials, Ways
from benchmarks.resident import resident_mib
from benchmarks.timeline import Timeline, middle

Found = TypeVar("Found")

EVAL_STEPS = 50
ROUNDS, ROUND_STEPS, ROUND_LOGGED = 3, 20, 4
QUEUES, QUEUE_STEPS = (8, 64), 10
WARM, REFILLS, REFILL_STEPS = 20, 200, 2


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    ways = Ways(bundled_trials.trials(1, 1, 1)["0"], asked.slots, asked.threads)
    print(f"{asked.slots} slots, {asked.threads} thread(s), torch {torch.__version__}")
    for part in asked.only:
        print(f"\n## {(PARTS[part].__doc__ or '').splitlines()[0].rstrip('.')}\n")
        seconds, _ = _timed(partial(PARTS[part], ways, asked))
        print(f"({seconds:.0f} s)", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def against_trl(ways: Ways, asked: argparse.Namespace) -> None:
    """The same trials both ways: wall-clock, and how far their last losses are apart."""
    evaluated = min(EVAL_STEPS, asked.steps)
    trials = bundled_trials.trials(asked.trials, asked.steps, evaluated)
    for way in (ways.trl, ways.packed):
        way(bundled_trials.trials(1, 2, 2, 2))  # what either does once is paid before
    looped, alone = _timed(lambda: ways.trl(trials))
    ours, together = _timed(lambda: ways.packed(trials))
    print(f"{asked.trials} trials of {asked.steps} steps, evaluated every {evaluated}")
    print(f"warm loop of TRL trainers: {looped:6.1f} s")
    print(f"packed:                    {ours:6.1f} s, {looped / ours:.1f} times faster")
    print(f"last losses differ by at most {_apart(alone, together):.1e} of their value")


def _apart(alone: dict[str, Timeline], together: dict[str, Timeline]) -> float:
    return max(abs(together[name].last_loss / alone[name].last_loss - 1) for name in alone)


def _timed(action: Callable[[], Found]) -> tuple[float, Found]:
    began = time.perf_counter()
    found = action()
    return time.perf_counter() - began, found


def contributions(ways: Ways, asked: argparse.Namespace) -> None:
    """What each idea contributes, per trial: medians of rounds in which all take turns."""
    costs = {words: Cost([], [], []) for words in _compared(ways)}
    for _ in range(ROUNDS):
        for words, (train, number) in _compared(ways).items():
            trials = bundled_trials.trials(number, ROUND_STEPS, ROUND_STEPS, ROUND_LOGGED)
            costs[words].add(Cost.of(train(trials)))
    slowest = next(iter(costs.values())).step
    header = ["Way", "ms per step", "against TRL", "s per evaluation", "s before the first step"]
    print(table(header, [_row(words, cost, slowest) for words, cost in costs.items()]))


def _compared(ways: Ways) -> dict[str, tuple[Callable[[Trials], dict[str, Timeline]], int]]:
    """Returns the ways by what they are called, each with how many trials it trains at once."""
    single, bare = partial(ways.packed, slots=1), partial(ways.packed, shared_prefix=False)
    return {
        "TRL's SFTTrainer": (ways.trl, 1),
        "trainers.sft": (ways.sft, 1),
        "packed, 1 slot, prefix not shared": (partial(single, shared_prefix=False), 1),
        "packed, 1 slot": (single, 1),
        f"packed, {ways.slots} slots, prefix not shared": (bare, ways.slots),
        f"packed, {ways.slots} slots": (ways.packed, ways.slots),
    }


def _row(words: str, cost: Cost, slowest: float) -> list[str]:
    ratio = f"{slowest / cost.step:.1f}x"
    return [words, f"{1000 * cost.step:.1f}", ratio, f"{middle(cost.evaluations):.3f}", f"{middle(cost.built):.3f}"]


def queue(ways: Ways, asked: argparse.Namespace) -> None:
    """Cost per trial and step with few and with many queued short trials, coming and going included."""
    ways.packed(bundled_trials.short(ways.slots, 2))
    found = {}
    for number in QUEUES:
        trials = bundled_trials.short(number, QUEUE_STEPS)
        seconds, _ = _timed(partial(ways.packed, trials))
        found[number] = seconds / number / QUEUE_STEPS
        print(f"{number:3} trials of {QUEUE_STEPS} steps: {1000 * found[number]:.1f} ms per trial and step")
    print(f"many against few: {found[QUEUES[-1]] / found[QUEUES[0]]:.2f} times as much (1 is linear)")


def memory(ways: Ways, asked: argparse.Namespace) -> None:
    """Resident memory over many trials that take over one another's slots."""
    ways.packed(bundled_trials.short(ways.slots + WARM, REFILL_STEPS))
    before = resident_mib()
    ways.packed(bundled_trials.short(REFILLS, REFILL_STEPS))
    after = resident_mib()
    print(f"after {WARM} refills {before:.1f} MiB, after {REFILLS} more {after:.1f} MiB: {after - before:+.1f} MiB")


PARTS = {"against_trl": against_trl, "contributions": contributions, "queue": queue, "memory": memory}

if __name__ == "__main__":
    main()
