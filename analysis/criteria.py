"""Document 004's success criteria: whether a run did what it had to, and what it could at best."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.curve import Curve, Points
from analysis.markdown import table

Level = Literal["minimum", "optimal"]


@dataclass(frozen=True)
class Criteria:
    """What is asked of a run; the defaults are 004's ("Success Metrics"), and belong to its model and data.

    Each is to be exceeded, but for the perplexity.

    Attributes:
        loss_drop: Of the training loss, in nats per token (004, minimum).
        eval_improvement: Of the evaluation, in nats per token (004, minimum).
        token_accuracy_gain: As a share: 0.05 is five points (004, minimum).
        gradient_norm: The median over the run (004, minimum).
        early_loss_drop: Of the training loss within `early_steps`, in nats per token (004, Implementation Priority 1).
        early_steps: Steps (004, Implementation Priority 1).
        optimal_loss_drop: Of the training loss, in nats per token (004, optimal).
        optimal_perplexity: What the perplexity is to stay below (004, optimal).
        parts: Equal parts of the run whose mean loss falls from each to the next (004, optimal; the number is ours).
    """

    loss_drop: float = 0.5
    eval_improvement: float = 0.2
    token_accuracy_gain: float = 0.05
    gradient_norm: float = 0.0
    early_loss_drop: float = 0.2
    early_steps: int = 500
    optimal_loss_drop: float = 1.0
    optimal_perplexity: float = 6.0
    parts: int = 4


@dataclass(frozen=True)
class Judged:
    """A criterion, and whether a run met it; `value` and `met` are None where the curve does not say."""

    name: str
    level: Level
    value: float | None
    wanted: str
    met: bool | None


def judged(curve: Curve, criteria: Criteria = Criteria()) -> list[Judged]:
    """Judges a run.

    Args:
        curve: The run's.
        criteria: What is asked.

    Returns:
        Every criterion, those of the minimum first. Drops and gains are from the first logged point; the loss drops to
        its last, what is evaluated improves to its best, as that is the adapter that is kept. The gradient norm is the
        median. A value that is not finite meets nothing.
    """
    return [*_minimum(curve, criteria), *_optimal(curve, criteria)]


def _minimum(curve: Curve, asked: Criteria) -> Iterator[Judged]:
    accuracies = curve.measured.get("token_accuracy", ())
    yield _above("loss drop", "minimum", loss_drop(curve.losses), asked.loss_drop)
    yield _above("eval loss improvement", "minimum", _improvement(curve.evals, -1), asked.eval_improvement)
    yield _above("token accuracy gain", "minimum", _improvement(accuracies, 1), asked.token_accuracy_gain)
    yield _above("gradient norm", "minimum", _middle(curve.grad_norms), asked.gradient_norm)
    early = _early_drop(curve, asked)
    yield _above(f"loss drop in the first {asked.early_steps} steps", "minimum", early, asked.early_loss_drop)


def _optimal(curve: Curve, asked: Criteria) -> Iterator[Judged]:
    yield _above("loss drop", "optimal", loss_drop(curve.losses), asked.optimal_loss_drop)
    perplexity = _perplexity(curve.evals)
    met = None if perplexity is None else perplexity < asked.optimal_perplexity
    yield Judged("perplexity", "optimal", perplexity, f"below {asked.optimal_perplexity:g}", met)
    falling = falling_share(curve.losses, asked.parts)
    wanted = f"falls through all {asked.parts} parts of the run"
    yield Judged("consistent reduction", "optimal", falling, wanted, None if falling is None else falling == 1)


def _above(name: str, level: Level, value: float | None, bound: float) -> Judged:
    return Judged(name, level, value, f"above {bound:g}", None if value is None else bound < value < math.inf)


def loss_drop(losses: Points) -> float | None:
    """Returns the first logged loss less the last, None for fewer than two."""
    return losses[0][1] - losses[-1][1] if len(losses) > 1 else None


def _improvement(points: Points, sign: int) -> float | None:
    if len(points) < 2:
        return None
    finite = [sign * value for _, value in points if math.isfinite(value)]
    return max(finite) - sign * points[0][1] if finite else math.nan


def _middle(norms: Points) -> float | None:
    """Returns the median: one batch without a gradient is no dead run, and one with is no living one."""
    if not norms:
        return None
    finite = [value for _, value in norms if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan


def _early_drop(curve: Curve, asked: Criteria) -> float | None:
    """Returns the drop by then; None for a run that ended sooner, unless it had dropped enough already."""
    drop = loss_drop(tuple(point for point in curve.losses if point[0] <= asked.early_steps))
    reached = max((points[-1][0] for points in (curve.losses, curve.evals) if points), default=0)
    if drop is None or drop > asked.early_loss_drop or reached >= asked.early_steps:
        return drop
    return None


def _perplexity(evals: Points) -> float | None:
    """Returns e to the best evaluation: the loss is in nats per token."""
    if not evals:
        return None
    best = min((value for _, value in evals if math.isfinite(value)), default=math.inf)
    return math.exp(best) if best < 700 else math.inf  # exp overflows a float at 709.8


def falling_share(losses: Points, parts: int) -> float | None:
    """Returns how often the mean of a part of the points is below that of the part before, as a share.

    Args:
        losses: The training losses.
        parts: Into how many equal parts they are divided.

    Returns:
        From 0 to 1; None for fewer than two points a part.
    """
    if parts < 2 or len(losses) < 2 * parts:
        return None
    values = [value for _, value in losses]
    bounds = [round(index * len(values) / parts) for index in range(parts + 1)]
    means = [statistics.fmean(values[low:high]) for low, high in itertools.pairwise(bounds)]
    return sum(later < earlier for earlier, later in itertools.pairwise(means)) / (parts - 1)


def criteria_table(rows: Sequence[Judged], plain: bool = False) -> list[str]:
    """Returns the lines of a table, for Markdown or, `plain`, for a terminal."""
    return table([_cells(row) for row in rows], plain)


_MET = {True: "met", False: "not met", None: "unknown"}


def _cells(row: Judged) -> dict[str, str]:
    value = "" if row.value is None else f"{row.value:.4g}"
    return {"Criterion": row.name, "Level": row.level, "Value": value, "Wanted": row.wanted, "Result": _MET[row.met]}
