"""Proposes a stage's listed trials: each configuration once, and none that was measured already."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweeper.composition import Composer
from sweeper.history import REFERENCE, History, Trial
from sweeper.identity import fingerprint, trial_id
from sweeper.planner import Proposal
from sweeper.procedure import Stage
from sweeper.settled import Params
from sweeper.validation import ConfigurationError
from trainers.trial import TrialConfig, reference_of


class StageSource:
    """The trials of one stage, in the order it lists them."""

    def __init__(
        self,
        composer: Composer,
        points: Sequence[Params],
        stage: Stage,
        with_reference: bool,
        max_trials: int | None = None,
    ) -> None:
        """Composes every trial.

        Args:
            composer: Composes trials.
            points: All that each trial sets.
            stage: The stage.
            with_reference: Whether the untrained base model is measured as well.
            max_trials: The most trials that the sweep may have.

        Raises:
            ConfigurationError: A point is no sound trial.
        """
        self.points, self._stage, self._with_reference = list(points), stage, with_reference
        self._max_trials = math.inf if max_trials is None else max_trials
        self._configs = [_composed(composer, point) for point in points]
        self.ids = [trial_id(config) for config in self._configs]
        self._mine = frozenset(self.ids)

    def belongs(self, trial: Trial) -> bool:
        """True for a trial of this stage, whichever stage ran it first."""
        return trial.id in self._mine

    def reused(self, history: History) -> dict[str, int]:
        """Returns how many of its trials another stage had measured, and the optimizer steps that this spared."""
        found = [history.trials[item] for item in self._mine if item in history.trials]
        spared = [trial.last_step for trial in found if trial.stage != self._stage.name]
        return {"trials": len(spared), "steps": sum(spared)}

    def next(self, history: History) -> list[Proposal]:
        """Returns the first trial that is not part of the sweep yet, after its reference."""
        if len(history.contenders) >= self._max_trials:
            return []
        for found, params, config in zip(self.ids, self.points, self._configs, strict=True):
            if found not in history.trials:
                number, short, content = len(history.contenders), self._is_short(config), fingerprint(config)
                proposal = Proposal(found, number, params, config, self._stage.name, short, content)
                return [*self._reference(config, history), proposal]
        return []

    def _is_short(self, config: TrialConfig) -> bool:
        budget = self._stage.budget
        return config.training.stop_at is not None or (budget.schedule == "own" and not budget.is_full)

    def _reference(self, config: TrialConfig, history: History) -> list[Proposal]:
        reference = reference_of(config)
        found = trial_id(reference)
        if not self._with_reference or found in history.trials:
            return []
        return [Proposal(found, REFERENCE, {}, reference, self._stage.name, content=fingerprint(reference))]


def _composed(composer: Composer, point: Params) -> TrialConfig:
    config, problems = composer.trial(point)
    if config is None:
        raise ConfigurationError(problems)
    return config
