"""What a stage can ask of an earlier one's runs, as the tuning guide names it: overfitting, underfitting, unstable.

What a single curve shows is `analysis.diagnosis`'s to say; here is what that makes of a winner, or of all.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence

from analysis.diagnosis import diagnose
from analysis.verdict import Name
from sweeper.candidates import Candidate, Run
from sweeper.facts import Facts
from sweeper.priors import SHORT_RUN
from sweeper.procedure import When


def overfits(run: Run) -> bool:
    """True where its curve is said to overfit."""
    return _shows(run, "overfitting")


def underfits(run: Run) -> bool:
    """True where a run learned nothing, or only drifted: "neither moves". A run that failed shows nothing."""
    return run.value is not None and _shows(run, "no_meaningful_learning", "underfitting")


def unstable(run: Run) -> bool:
    """True for a run that diverged or collapsed, whose loss spiked or oscillated, or whose gradient norm was wild."""
    return run.diverged or _shows(run, "diverged", "late_collapse", "spiky", "oscillating")


def recall_limited(run: Run) -> bool:
    """True where the minority class's recall is what holds its F1 back, at the threshold that is best for it."""
    return _shows(run, "recall_limited")


def precision_limited(run: Run) -> bool:
    """True where the minority class's precision is what holds its F1 back."""
    return _shows(run, "precision_limited")


def _shows(run: Run, *names: Name) -> bool:
    return any(verdict.name in names for verdict in diagnose(run.curve))


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
    return facts.metric.endswith("_f1") or facts.metric.startswith("eval_f1/")


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
