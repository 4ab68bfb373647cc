"""Which trials end early because their own curve says that nothing will come of them; no other trial is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.diagnosis import JUDGES
from analysis.levels import share
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from sweeper.decisions import Alarms, Objective
from sweeper.history import Trial
from sweeper.settings import Diagnosis
from sweeper.trial_curve import EVAL_LOSS, curve_of

_MEANT_TO_BLOW_UP = "range_test"
"""The schedule whose rate rises until the loss does (`trainers.schedules.RANGE_TEST`)."""


def alarms(settings: Diagnosis, objective: Objective) -> Alarms:
    """Returns what stops a trial: the first of `diagnosis.alarms` that its curve shows so far and its evaluations bear.

    A stopped trial takes no place, so one that may still win goes on: where the verdict begins after the first
    evaluation and the latest is about the best, as where a schedule has run out; where it begins with the first and the
    latest is the best of all; and where a training loss rose and there is a single evaluation, which says nothing yet.

    Args:
        settings: The alarms that are on, and from where on a curve shows something.
        objective: What is optimised; `eval_loss` counts beside it.
    """

    def judged(trial: Trial) -> Verdict | None:
        if trial.is_reference or trial.config["training"]["lr_scheduler_type"] == _MEANT_TO_BLOW_UP:
            return None
        curve = curve_of(trial)
        found = (JUDGES[name](curve, settings.thresholds) for name in settings.alarms)
        borne = (verdict for verdict in found if verdict and _is_borne(verdict, trial, objective, settings.thresholds))
        return next(borne, None)

    return judged


def _is_borne(verdict: Verdict, trial: Trial, objective: Objective, thresholds: Thresholds) -> bool:
    """True where no evaluation speaks against a verdict; strength 1 is what is not finite, which nothing excuses."""
    if verdict.strength >= 1:
        return True
    evaluated = [values for values in _evaluated(trial, objective) if values]
    if verdict.name == "diverged" and all(len(values) < _SEEN for values in evaluated):
        return False
    if verdict.step is not None and verdict.step > trial.rungs[0][0]:
        return not any(share(values[-1] - min(values), min(values)) <= thresholds.eval_rise for values in evaluated)
    gained = 0.0 if verdict.name == "diverged" else thresholds.meaningful
    return not any(_improves(values, gained) for values in evaluated)


_SEEN = 2  # evaluations from which on they can speak


def _evaluated(trial: Trial, objective: Objective) -> Iterator[list[float]]:
    """Yields what a trial is judged by, each turned so that less is better."""
    yield [values[EVAL_LOSS] for _, values in trial.rungs if EVAL_LOSS in values]
    yield [objective.sign * values[objective.metric] for _, values in trial.rungs if objective.metric in values]


def _improves(values: list[float], gained: float) -> bool:
    """True where the latest value is the best, and that much better than the first, as a share of it."""
    return len(values) >= _SEEN and values[-1] < min(values[:-1]) and share(values[0] - values[-1], values[0]) >= gained
