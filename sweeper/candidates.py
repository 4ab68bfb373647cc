"""What a stage has measured, as its rules see it: candidates, each with a run per seed."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.curve import Curve, Points
from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.trial_curve import curve_of
from trainers.trial import from_mapping

SEED = "training.seed"


@dataclass(frozen=True)
class Run:
    """One trial: `value` is its best objective, smaller being better, None where it has none that counts.

    `curve` is all that it logged and measured; `evals` are its objective alone. `best` and `last` are all that was
    measured at its best and at its last evaluation, as measured.
    """

    trial: str
    number: int
    outcome: str
    value: float | None
    seed: int = 0
    gain: float | None = None
    evals: Points = ()
    curve: Curve = field(default_factory=Curve)
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
    speeds = [values["tokens_per_s"] for _, values in trial.curve if "tokens_per_s" in values]
    return Run(
        trial=trial.id,
        number=trial.number,
        outcome=trial.outcome or "unfinished",
        seed=int(trial.config["training"]["seed"]),
        gain=from_mapping(trial.config).lora.realised_gain,
        value=objective.sign * best[1][objective.metric] if complete and best else None,
        evals=evals,
        curve=curve_of(trial, objective),
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
    is_assumed: bool = False

    def __str__(self) -> str:
        """Returns `0.0031 (from 3 seeds of 2 configurations)`."""
        return f"{self.size:.2g} ({self.source})"


def noise(candidates: Sequence[Candidate], assumed_share: float) -> Noise:
    """Estimates the standard error of a difference between two candidates' means.

    Args:
        candidates: Those of one stage.
        assumed_share: Of the best value's size, where no candidate has two seeds (`sweep.noise`).

    Returns:
        Where candidates share seeds, the error of their paired differences: what a seed does to all alike says nothing.
        Where one candidate alone has seeds, its standard deviation times sqrt(2/seeds). Otherwise the assumption,
        called one.
    """
    repeated = [item for item in candidates if len(_values(item)) > 1]
    pairs = [found for one, other in itertools.combinations(repeated, 2) if len(found := _differences(one, other)) > 1]
    if pairs:
        seeds = min(map(len, pairs))
        size = math.sqrt(statistics.fmean(statistics.variance(found) for found in pairs) / seeds)
        return Noise(size, f"from the differences of {len(repeated)} configurations over {seeds} seeds")
    if repeated:
        spread = math.sqrt(statistics.fmean(statistics.variance(_values(item)) for item in repeated))
        seeds = min(len(_values(item)) for item in repeated)
        return Noise(spread * math.sqrt(2 / seeds), f"from {seeds} seeds of one configuration")
    best = min((item.value for item in candidates if item.value is not None), default=0.0)
    return Noise(abs(best) * assumed_share, f"assumed: {100 * assumed_share:.2f} % of the best value", is_assumed=True)


def _values(candidate: Candidate) -> list[float]:
    return [run.value for run in candidate.runs if run.value is not None]


def _differences(one: Candidate, other: Candidate) -> list[float]:
    """Returns what two candidates differ by at each seed that both have."""
    known = {run.seed: run.value for run in other.runs if run.value is not None}
    return [run.value - known[run.seed] for run in one.runs if run.value is not None and run.seed in known]


def at_seeds(candidate: Candidate, seeds: Collection[int]) -> Candidate:
    """Returns a candidate with its runs at some seeds alone, as it is where it has none of them."""
    runs = tuple(run for run in candidate.runs if run.seed in seeds)
    return dataclasses.replace(candidate, runs=runs) if runs else candidate
