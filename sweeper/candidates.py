"""What a stage has measured, as its rules see it: candidates, each with a run per seed."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.decisions import Objective
from sweeper.history import Trial

SEED = "training.seed"

Point = tuple[int, float]


@dataclass(frozen=True)
class Run:
    """One trial: `value` is its best objective, smaller being better, None where it has none that counts.

    `best` and `last` are all that was measured at its best and at its last evaluation, as measured.
    """

    trial: str
    number: int
    outcome: str
    value: float | None
    evals: tuple[Point, ...] = ()
    losses: tuple[Point, ...] = ()
    learning_rates: tuple[Point, ...] = ()
    grad_norms: tuple[float, ...] = ()
    seconds: float | None = None
    tokens_per_s: float | None = None
    trainable_parameters: int | None = None
    init_seconds: float | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        """True where something was not finite."""
        return self.outcome == "diverged"


@dataclass(frozen=True)
class Candidate:
    """One configuration of a stage: what it varies, seeds aside, and its runs."""

    params: Mapping[str, Any]
    runs: tuple[Run, ...]

    @property
    def value(self) -> float | None:
        """The mean over the seeds; None where a seed has no value, since the others would flatter it."""
        values = [run.value for run in self.runs if run.value is not None]
        return statistics.fmean(values) if values and len(values) == len(self.runs) else None

    @property
    def label(self) -> str:
        """What tells it from the others: `lora.r=8, lora.dropout=0.1`."""
        return ", ".join(f"{key}={_word(value)}" for key, value in self.params.items()) or "as it is"


def _word(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def run_of(trial: Trial, objective: Objective) -> Run:
    """Reads what the rules need from a trial's record."""
    best = trial.best(objective.metric, objective.direction)
    complete = trial.outcome == "complete" and best is not None
    evals = tuple(
        (step, objective.sign * values[objective.metric]) for step, values in trial.rungs if objective.metric in values
    )
    logged = {
        name: tuple((step, values[name]) for step, values in trial.curve if name in values)
        for name in ("loss", "learning_rate", "grad_norm", "tokens_per_s")
    }
    speeds = [value for _, value in logged["tokens_per_s"]]
    return Run(
        trial=trial.id,
        number=trial.number,
        outcome=trial.outcome or "unfinished",
        value=objective.sign * best[1][objective.metric] if complete and best else None,
        evals=evals,
        losses=logged["loss"],
        learning_rates=logged["learning_rate"],
        grad_norms=tuple(value for _, value in logged["grad_norm"]),
        seconds=trial.seconds,
        tokens_per_s=statistics.median(speeds) if speeds else None,
        trainable_parameters=trial.facts.get("trainable_parameters"),
        init_seconds=trial.facts.get("init_seconds"),
        best=dict(best[1]) if best else {},
        last=dict(trial.rungs[-1][1]) if trial.rungs else {},
    )


def grouped(points: Sequence[Mapping[str, Any]], runs: Sequence[Run]) -> list[Candidate]:
    """Puts the runs of one configuration together, in the order in which the stage lists them.

    Args:
        points: What each run sets, its seed included.
        runs: In the same order.
    """
    keyed = [(_without_seed(point), run) for point, run in zip(points, runs, strict=True)]
    order = list(dict.fromkeys(repr(key) for key, _ in keyed))
    ordered = sorted(keyed, key=lambda item: order.index(repr(item[0])))
    groups = (list(group) for _, group in itertools.groupby(ordered, key=lambda item: repr(item[0])))
    return [Candidate(group[0][0], tuple(run for _, run in group)) for group in groups]


def _without_seed(point: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in point.items() if key != SEED}


@dataclass(frozen=True)
class Noise:
    """How far two candidates can lie apart by chance, and how that is known."""

    size: float
    source: str

    def __str__(self) -> str:
        """Returns `0.0031 (from 3 seeds of 2 configurations)`."""
        return f"{self.size:.2g} ({self.source})"


def noise(candidates: Sequence[Candidate], assumed_share: float) -> Noise:
    """Estimates the standard error of a difference between two candidates.

    Args:
        candidates: Those of one stage.
        assumed_share: Of the best value's size, where no candidate has two seeds (`sweep.noise`).

    Returns:
        From repeated seeds the pooled standard deviation times sqrt(2/seeds), the standard error of the difference of
        two means; otherwise the assumption, called one.
    """
    repeated = [values for item in candidates if len(values := _values(item)) > 1]
    if repeated:
        spread = math.sqrt(statistics.fmean(statistics.variance(values) for values in repeated))
        seeds = min(map(len, repeated))
        return Noise(spread * math.sqrt(2 / seeds), f"from {seeds} seeds of {len(repeated)} configurations")
    best = min((item.value for item in candidates if item.value is not None), default=0.0)
    return Noise(abs(best) * assumed_share, f"assumed: {assumed_share:.2%} of the best value")


def _values(candidate: Candidate) -> list[float]:
    return [run.value for run in candidate.runs if run.value is not None]
