"""The learning-rate range test: where a rising rate makes the loss blow up."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.comparison import Choice, Comparison

BLOW_UP = 1.5
"""A range test's smoothed loss this many times its least has blown up; the guide leaves the criterion open."""

WINDOW = 5
"""Points of the centred median that smooths the loss: single batches differ by more than a rising rate changes.

A running mean would lag, and so find the blow-up where it is long past.
"""


def range_test(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Finds where a rising learning rate makes the loss blow up, and bounds what follows by a share of that.

    The guide takes 10-30 % of it; `share` is 0.3 unless said.
    """
    share, run = float(arguments.get("share", 0.3)), compared.candidates[0].runs[0]
    rates = dict(run.curve.learning_rates)
    blown = _blow_up([(rates[step], loss) for step, loss in run.curve.losses if step in rates])
    if blown is None and run.diverged and rates:
        blown = rates[max(rates)]
    if blown is None:
        top = max(rates.values(), default=None)
        told = f"up to {top:.3g}" if top is not None else "at all: no learning rate was logged"
        return Choice((), f"the loss did not blow up {told}: nothing is cut", {"bound": None})
    where = f"the loss blows up at {blown:.3g} ({BLOW_UP:g} times its least, smoothed)"
    reason = f"{where}; {100 * share:.0f} % of that, {share * blown:.3g}, bounds the sweep"
    return Choice((), reason, {"blow_up": blown, "bound": share * blown})


def _blow_up(points: Sequence[tuple[float, float]]) -> float | None:
    """Returns the rate of the first point beyond the least smoothed loss where that has grown by `BLOW_UP`."""
    finite = list(itertools.takewhile(lambda point: math.isfinite(point[1]), points))
    losses = [loss for _, loss in finite]
    smooth = [statistics.median(losses[max(0, at - WINDOW // 2) : at + WINDOW // 2 + 1]) for at in range(len(losses))]
    if not smooth:
        return points[0][0] if points else None
    least = smooth.index(min(smooth))
    beyond = zip(finite[least:], smooth[least:], strict=True)
    grown = (rate for (rate, _), loss in beyond if loss > BLOW_UP * smooth[least])
    return next(grown, points[len(finite)][0] if len(finite) < len(points) else None)
