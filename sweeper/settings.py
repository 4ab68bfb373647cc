"""How a sweep is run: everything that is recorded with a trial but is no part of what it computes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from analysis.criteria import Criteria
from analysis.metric_directions import direction as known_direction
from analysis.thresholds import Thresholds

_FORBID_UNKNOWN = {"extra": "forbid"}

LABELLED = (
    *("eval_accuracy", "eval_macro_f1", "eval_weighted_f1"),
    *("eval_minority_f1", "eval_minority_precision", "eval_minority_recall"),
    *("eval_generated_accuracy", "eval_generated_macro_f1", "eval_outside_rate", "eval_outside_probability"),
    *("eval_ece", "eval_confidence", "eval_predicted_share"),
)
"""What is measured of labelled data alone."""

GENERATED = ("eval_rouge1", "eval_rouge2", "eval_rougeL", "eval_exact_match")
"""What is measured of rows without labels by having them answered freely."""

MEASURED = ("eval_loss", "perplexity", "token_accuracy", *LABELLED, *GENERATED)
"""What a training trial can measure at every rung (`trainers.evaluation`), but for what is about a single label."""

OWN_SAMPLERS = ("auto", "grid", "qmc")
"""The samplers that are no class of Optuna's."""

OWN_PRUNERS = ("auto", "none", "halving")
"""The pruners that are no class of Optuna's."""


def _capacity(value: object) -> object:
    """Says in one sentence what pydantic would say in one per kind of value."""
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    rule = "should be auto, or how many trials share a pass: a whole number from 1 on"
    raise PydanticCustomError("literal_error", rule, {"expected": "auto or 8"})


@dataclass(frozen=True)
class Trainer:
    """Who turns trials into curves.

    `capacity` is how many trials share a forward pass, `shared_prefix` whether the beginning that all prompts share is
    computed once for all rows of a trial's batch.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    name: Literal["auto", "sft", "replay"] = "auto"
    capacity: Annotated[int | Literal["auto"], BeforeValidator(_capacity)] = "auto"
    shared_prefix: bool = True

    @property
    def slots(self) -> int | None:
        """The capacity, None where measuring decides."""
        return None if self.capacity == "auto" else self.capacity


@dataclass(frozen=True)
class Replay:
    """The recorded curves that `trainer=replay` answers from."""

    __pydantic_config__ = _FORBID_UNKNOWN

    table: str | None = None


@dataclass(frozen=True)
class Sampler:
    """Which point is tried next; `target` is the sampler's class, None for those that are ours."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str = "auto"
    target: Annotated[str | None, Field(alias="_target_")] = None
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PrunerSettings:
    """Which trial is stopped early; `target` is the pruner's class, None for those that are ours."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str = "auto"
    target: Annotated[str | None, Field(alias="_target_")] = None
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HalvingSettings:
    """The `pruner.kwargs` of `pruner=halving`; rungs are counted in evaluations.

    `bracket` is how many trials are compared with each other, None for all of `sweep.n_trials`.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    reduction_factor: Annotated[int, Field(ge=2)] = 3
    min_resource: Annotated[int, Field(ge=1)] = 1
    bracket: Annotated[int, Field(ge=2)] | None = None


@dataclass(frozen=True)
class Executor:
    """Where workers run. `threads` per worker on a CPU is part of what makes a curve reproducible.

    `max_retries` is how often a trial is tried again whose worker died; `trial_timeout_s` how long a worker may say
    nothing before it counts as dead, None for ever.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    name: Literal["local", "inline"] = "local"
    workers: int | None = None
    threads: int = 1
    devices: Literal["auto", "cpu"] | list[int] = "auto"
    max_retries: Annotated[int, Field(ge=0)] = 3
    trial_timeout_s: Annotated[float, Field(gt=0)] | None = None


Alarm = Literal["diverged", "dead_gradient", "stagnant_evaluation"]
"""The verdicts that can stop a trial: of each, nothing is to be hoped for (004, Quality Assurance: "alert")."""


@dataclass(frozen=True)
class Diagnosis:
    """What curves are held against: at a rung, where `alarms` stop a trial, and afterwards."""

    __pydantic_config__ = _FORBID_UNKNOWN

    alarms: list[Alarm] = field(default_factory=lambda: list(get_args(Alarm)))
    thresholds: Thresholds = field(default_factory=Thresholds)
    criteria: Criteria = field(default_factory=Criteria)

    @property
    def changed(self) -> dict[str, dict[str, float]]:
        """The thresholds and criteria that are not the defaults, as they are recorded."""
        groups = {"thresholds": self.thresholds, "criteria": self.criteria}
        own = {
            name: {key: value for key, value in vars(group).items() if value != getattr(type(group)(), key)}
            for name, group in groups.items()
        }
        return {name: values for name, values in own.items() if values}


@dataclass(frozen=True)
class Tracking:
    """Where MLflow records."""

    __pydantic_config__ = _FORBID_UNKNOWN

    uri: str
    experiment: str = "lora-sweeper"


@dataclass(frozen=True)
class Sweep:
    """What a sweep asks for."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str | None = None
    n_trials: int | None = None
    max_trials: int | None = None
    max_hours: float | None = None
    timeout_s: float | None = None
    metric: str = "eval_loss"
    direction: Literal["minimize", "maximize"] | None = None
    seed: int = 0
    reference: bool = True
    keep_adapters: str = "top:3"
    noise: float = 0.0025
    dry_run: bool | Literal["json"] = False
    fresh: bool = False
    report: bool = True
    dir: str = "runs"
    storage: str | None = None

    @property
    def kept_adapters(self) -> float:
        """How many of the best trials' adapters stay on disk; infinite for all trials'."""
        named = {"none": 0.0, "best": 1.0, "all": math.inf}
        return named[self.keep_adapters] if self.keep_adapters in named else float(self.keep_adapters[len("top:") :])

    @property
    def limit_s(self) -> float | None:
        """The seconds after which no further trial starts, None for no limit."""
        limits = [self.timeout_s, None if self.max_hours is None else 3600 * self.max_hours]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def resolved_direction(self) -> Literal["minimize", "maximize"]:
        """The direction given, else the one the metric is known to have."""
        return self.direction or known_direction(self.metric) or "minimize"


@dataclass(frozen=True)
class Settings:
    """All groups that say how, not what."""

    trainer: Trainer
    sampler: Sampler
    pruner: PrunerSettings
    executor: Executor
    tracking: Tracking
    sweep: Sweep
    replay: Replay = field(default_factory=Replay)
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
