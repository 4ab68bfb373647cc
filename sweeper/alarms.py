"""Which trials end early because their own curve says that nothing will come of them; no other trial is looked at."""

from __future__ import annotations

from analysis.diagnosis import JUDGES
from analysis.verdict import Verdict
from sweeper.decisions import Alarms
from sweeper.history import Trial
from sweeper.settings import Diagnosis
from sweeper.trial_curve import curve_of

_MEANT_TO_BLOW_UP = "range_test"
"""The schedule whose rate rises until the loss does (`trainers.schedules.RANGE_TEST`)."""


def alarms(settings: Diagnosis) -> Alarms:
    """Returns what stops a trial: the first of `diagnosis.alarms` that its curve shows so far.

    Args:
        settings: The alarms that are on, and from where on a curve shows something.
    """

    def judged(trial: Trial) -> Verdict | None:
        if trial.is_reference or trial.config["training"]["lr_scheduler_type"] == _MEANT_TO_BLOW_UP:
            return None
        curve = curve_of(trial)
        found = (JUDGES[name](curve, settings.thresholds) for name in settings.alarms)
        return next((verdict for verdict in found if verdict is not None), None)

    return judged
