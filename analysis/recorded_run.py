"""A run as somebody recorded it, under whatever names: what its curve is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.curve import Curve, Points
from analysis.metric_directions import OF_CLASSES


@dataclass(frozen=True)
class RecordedRun:
    """A run's name, its curve, and as many of its parameters as are known, under their dotted names.

    `place` is the one it took in its sweep, `swept` are the parameters in which the sweep's trials differ, `bounds`
    what curves are held against there, where that is not the default (`analysis.bounds`).
    """

    name: str
    curve: Curve
    params: Mapping[str, Any] = field(default_factory=dict)
    place: int | None = None
    swept: tuple[str, ...] = ()
    bounds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


# What TRL calls otherwise than we do.
_OURS = {"eval_mean_token_accuracy": "token_accuracy", "eval_perplexity": "perplexity"}

_FIELDS = {"loss": "losses", "eval_loss": "evals", "learning_rate": "learning_rates", "grad_norm": "grad_norms"}

# What a run cost, not what it learned; TRL's training metrics, and transformers' summary of the whole run.
_COSTS = {"step", "epoch", "total_flos", "num_tokens", "tokens_per_s", "adapter_norm", "entropy", "steps", "seconds"}
_COSTS |= {"init_seconds", "peak_memory_mib", "trainable_parameters", "best_step", "planned_steps"}
_COST_ENDINGS = ("_runtime", "_per_second", "_num_tokens", "_time")
# Of a single label: no verdict asks for one, and there may be a hundred.
_SUMMARIES = ("best_", "final_", "train_", "system/", "logit_", *OF_CLASSES)


def is_of_a_curve(name: str) -> bool:
    """True for a metric that shows what a run learned."""
    return name not in _COSTS and not name.endswith(_COST_ENDINGS) and not name.startswith(_SUMMARIES)


def curve_of(named: Mapping[str, Points], steps: int | None, outcome: str) -> Curve:
    """Makes a curve of metrics, whichever trainer named them.

    Args:
        named: Points by name, as our sweeps or a transformers or TRL run log them.
        steps: How many the run was to have.
        outcome: How it ended.

    Returns:
        The curve; where there is no `eval_loss`, that of a single named data set, `eval_<name>_loss`, stands for it.
    """
    points = {_OURS.get(name, name): tuple(found) for name, found in named.items() if is_of_a_curve(name) and found}
    sets = [name for name in points if name.startswith("eval_") and name.endswith("_loss")]
    if "eval_loss" not in points and len(sets) == 1:
        points["eval_loss"] = points.pop(sets[0])
    fields = {field: points.get(name, ()) for name, field in _FIELDS.items()}
    measured = {name: found for name, found in points.items() if name not in _FIELDS}
    return Curve(**fields, measured=measured, steps=steps, outcome=outcome)
