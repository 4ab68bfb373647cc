"""What a curve looks like, as the tuning guide names it: overfitting, underfitting, unstable. Pure functions of runs.

The guide gives words ("train keeps dropping, validation stops improving"; "neither moves"; "spikes, NaN"); the numbers
that make them decidable are ours, and stand here.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from sweeper.candidates import Candidate, Run
from sweeper.facts import Facts
from sweeper.priors import SHORT_RUN
from sweeper.procedure import When

NO_LEARNING = 0.01
"""Relative improvement under which nothing was learned (document 004: 2.7335 to 2.7150 is 0.68 %)."""

OVERFIT_RISE = 0.01
"""Relative rise of the evaluation after its best that is overfitting, while the training loss falls."""

SPIKE = 1.5
"""A training loss this many times the median of the five points before it is a spike."""

WILD = 10.0
"""A gradient norm this many times the run's median varies wildly."""

_BEFORE = 5


def overfits(run: Run) -> bool:
    """True where the evaluation has risen since its best while the training loss went on falling."""
    if len(run.evals) < 2 or not run.losses:
        return False
    best_step, best = min(run.evals, key=lambda point: point[1])
    until = [loss for step, loss in run.losses if step <= best_step]
    after = [loss for step, loss in run.losses if step > best_step]
    rose = run.evals[-1][1] - best > OVERFIT_RISE * abs(best)
    return rose and bool(after) and statistics.fmean(after) < statistics.fmean(until[-_BEFORE:] or after)


def underfits(run: Run) -> bool:
    """True where neither the training loss nor the evaluation has moved by more than `NO_LEARNING`.

    A run that failed, or without two points of a curve, shows nothing.
    """
    known = run.value is not None and max(len(run.evals), len(run.losses)) > 1
    return known and not _fell([value for _, value in run.evals]) and not _fell([loss for _, loss in run.losses])


def _fell(values: Sequence[float]) -> bool:
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return False
    part = max(1, len(values) // 5)
    early, late = statistics.fmean(values[:part]), statistics.fmean(values[-part:])
    return early - late > NO_LEARNING * abs(early)


def unstable(run: Run) -> bool:
    """True for a run that diverged, whose loss spiked, or whose gradient norm varied wildly."""
    return run.diverged or _spiked([loss for _, loss in run.losses]) or _wild(run.grad_norms)


def _spiked(losses: Sequence[float]) -> bool:
    windows = ((losses[index - _BEFORE : index], losses[index]) for index in range(_BEFORE, len(losses)))
    return any(not math.isfinite(loss) or loss > SPIKE * statistics.median(before) for before, loss in windows)


def _wild(norms: Sequence[float]) -> bool:
    if not norms:
        return False
    middle = statistics.median(norms)
    return not all(map(math.isfinite, norms)) or (middle > 0 and max(norms) > WILD * middle)


def lottery_ticket(run: Run) -> bool:
    """True for a run that is good at one checkpoint only: its best evaluation stands apart from those beside it."""
    values = [value for _, value in run.evals]
    if len(values) < 3:
        return False
    at = values.index(min(values))
    steps = [abs(later - earlier) for earlier, later in itertools.pairwise(values)]
    beside, elsewhere = steps[max(0, at - 1) : at + 1], [*steps[: max(0, at - 1)], *steps[at + 1 :]]
    alone = len(beside) == 2 and bool(elsewhere) and min(beside) > _ALONE * statistics.median(elsewhere)
    return alone and unstable(run)


_ALONE = 3.0  # times the other steps between evaluations

WIDE_SEEDS = 0.02
"""Standard deviation over seeds, as a share of their mean, beyond which results vary a lot (ours)."""


def varies(candidate: Candidate) -> bool:
    """True where a candidate's seeds differ a lot: the guide then wants more warm-up."""
    values = [run.value for run in candidate.runs if run.value is not None]
    return len(values) > 1 and statistics.stdev(values) > WIDE_SEEDS * abs(statistics.fmean(values))


def recall_limited(run: Run) -> bool:
    """True where the minority class's recall is what holds its F1 back, at the threshold that is best for it."""
    return _minority(run, "recall") < _minority(run, "precision")


def precision_limited(run: Run) -> bool:
    """True where the minority class's precision is what holds its F1 back."""
    return _minority(run, "precision") < _minority(run, "recall")


def _minority(run: Run, name: str) -> float:
    return run.best.get(f"eval_minority_{name}", math.nan)


Verdicts = Callable[[Sequence[Candidate], Candidate | None], bool]


def _winner(test: Callable[[Run], bool]) -> Verdicts:
    """Most of a winner's seeds decide: one that strays is no verdict."""
    return lambda candidates, winner: winner is not None and 2 * sum(map(test, winner.runs)) > len(winner.runs)


def _all(test: Callable[[Run], bool]) -> Verdicts:
    return lambda candidates, winner: all(all(map(test, item.runs)) for item in candidates)


CONDITIONS: Mapping[str, Verdicts] = {
    "winner_overfits": _winner(overfits),
    "winner_underfits": _winner(underfits),
    "winner_unstable": _winner(unstable),
    "all_underfit": _all(underfits),
    "all_unstable": _all(unstable),
    "any_unstable": lambda candidates, winner: any(unstable(run) for item in candidates for run in item.runs),
    "winner_recall_limited": _winner(recall_limited),
    "winner_precision_limited": _winner(precision_limited),
    "seeds_vary": lambda candidates, winner: winner is not None and varies(winner),
    "has_winner": lambda candidates, winner: winner is not None,
    "no_winner": lambda candidates, winner: winner is None,
}
"""What a `when` can ask of an earlier stage, besides what its winner has."""


UNMET: Mapping[str, str] = {
    "winner_overfits": "the winner does not overfit",
    "winner_underfits": "the winner learns",
    "winner_unstable": "the winner is stable",
    "all_underfit": "not all underfit",
    "all_unstable": "not all are unstable",
    "any_unstable": "none is unstable",
    "winner_recall_limited": "recall does not hold the winner back",
    "winner_precision_limited": "precision does not hold the winner back",
    "seeds_vary": "the seeds agree",
    "has_winner": "it has no winner",
    "no_winner": "it has a winner",
    "short_run": "the run is not short",
    "long_run": "the run is short",
    "short_schedule": "the run is not short",
    "compared_by_f1": "trials are not compared by F1",
}
"""What is said where a condition does not hold."""


SHORT_SCHEDULE = 2_000
"""Steps up to which the guide prefers linear or constant_with_warmup (001, lr_scheduler_type: 1-2k steps)."""


def is_f1(facts: Facts) -> bool:
    """True where trials are compared by an F1 score: macro, or the minority class's."""
    return facts.metric.endswith("_f1")


RUN_CONDITIONS: Mapping[str, Callable[[Facts], bool]] = {
    "short_run": lambda facts: 0 < facts.steps < SHORT_RUN,
    "long_run": lambda facts: not 0 < facts.steps < SHORT_RUN,
    "short_schedule": lambda facts: facts.steps <= SHORT_SCHEDULE,
    "compared_by_f1": is_f1,
}
"""What a `when` without a stage can ask: it is known before anything runs."""


def unmet_by_run(when: When, facts: Facts) -> str | None:
    """Returns why the run itself does not meet a condition, None where it does."""
    assert when.named is not None  # checked when the procedure was read
    return None if RUN_CONDITIONS[when.named](facts) else UNMET[when.named]
