"""Which of a stage's listed trials are run: all, or from the middle of one parameter's values as far as it pays.

The loss over the learning rate is one valley (the published sweeps of the benchmark `lr_rank` as well as the guide's
own picture), so that what lies beyond a value that is worse than its neighbour nearer the middle need not be run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeper.procedure import Neighbours, Stage
from sweeper.settled import Outcome, Params, Settled
from sweeper.stage_points import seeded
from sweeper.stage_values import beyond


def begun(stage: Stage, listed: Sequence[Params]) -> list[Params]:
    """Returns the trials that a stage begins with; all where it does not walk.

    A walk begins with the three middle values, one beside an earlier winner with that and its first listed neighbour.
    """
    if stage.walk is None:
        return list(listed)
    if isinstance(stage.vary[stage.walk], Neighbours):
        first = list(dict.fromkeys(point[stage.walk] for point in listed))[:2]
        return _having(stage.walk, listed, first)
    values = _values(stage.walk, listed)
    middle = (len(values) - 1) // 2
    return _having(stage.walk, listed, values[max(0, middle - 1) : middle + 2])


def onwards(
    stage: Stage, settled: Settled, listed: Sequence[Params], run: Sequence[Params], outcome: Outcome
) -> list[Params]:
    """Returns the trials that are run next: the listed ones beside an edge that is best so far, then one step beyond.

    Args:
        stage: The stage.
        settled: What was known when it began.
        listed: All its listed trials.
        run: Those that were run.
        outcome: What came of them.

    Returns:
        No trials where the best lies between others, or where nothing lies beyond.
    """
    if any(point not in listed for point in run):  # one step beyond was made already
        return []
    if stage.walk is not None and (found := _beside(stage.walk, listed, run, outcome)):
        return found
    further = beyond(stage, settled, outcome)
    return [] if further is None else seeded([further], stage, settled)


def _beside(key: str, listed: Sequence[Params], run: Sequence[Params], outcome: Outcome) -> list[Params]:
    values, tried = _values(key, listed), _values(key, run)
    # Where nothing has a value the rate was too high for all: it goes on downwards.
    best = tried[0] if outcome.winner is None else outcome.winner.params[key]
    first, last = values.index(tried[0]), values.index(tried[-1])
    if best == tried[0] and first > 0:
        return _having(key, listed, [values[first - 1]])
    if best == tried[-1] and last + 1 < len(values):
        return _having(key, listed, [values[last + 1]])
    return []


def _values(key: str, listed: Sequence[Params]) -> list[Any]:
    return sorted({point[key] for point in listed if key in point})


def _having(key: str, listed: Sequence[Params], values: Sequence[Any]) -> list[Params]:
    return [point for point in listed if point[key] in values]
