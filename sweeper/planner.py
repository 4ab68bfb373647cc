"""Turns a search's points into trials: composes them, finds their identity, reuses what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sweeper.composition import Composer
from sweeper.history import REFERENCE, SEARCH, History, Trial
from sweeper.identity import fingerprint, trial_id
from sweeper.search import Params, Search
from sweeper.validation import ConfigurationError
from trainers.trial import TrialConfig, reference_of


@dataclass(frozen=True)
class Proposal:
    """A trial that is about to be part of the sweep.

    A `short` one ends before the run it stands for would; `content` is the fingerprint of its data's files.
    """

    id: str
    number: int
    params: dict[str, Any]
    config: TrialConfig
    stage: str = SEARCH
    short: bool = False
    content: str | None = None


class Planner:
    """Proposes the trials of one search, each configuration once."""

    def __init__(self, composer: Composer, search: Search, fits: Callable[[Trial], bool], with_reference: bool) -> None:
        self._composer, self._search, self._fits, self._with_reference = composer, search, fits, with_reference
        self._composed: dict[str, tuple[str, TrialConfig]] = {}
        self._belongs: dict[str, bool] = {}

    def belongs(self, trial: Trial) -> bool:
        """True for a trial that this command could have proposed.

        A sweep's name can hold trials of an earlier command, over another space or on other data: those are neither
        counted among the trials asked for nor compared with them.
        """
        if trial.id not in self._belongs:
            fits = not trial.is_reference and self._fits(trial)
            self._belongs[trial.id] = fits and self._id_of(trial.params) == trial.id
        return self._belongs[trial.id]

    def _id_of(self, params: Params) -> str | None:
        try:
            return self._identify(params)[0]
        except ConfigurationError:  # a point that was sound under other settings
            return None

    def next(self, history: History) -> list[Proposal]:
        """Proposes the next trial, after the reference it will be compared with where that is still missing.

        Args:
            history: What the sweep knows.

        Returns:
            One proposal, two with a new reference, none when the search has no more points.
        """
        number = len(history.contenders)
        drawn = sum(map(self.belongs, history.contenders))
        params = self._search.next(drawn, lambda point: self._identify(point)[0] in history.trials)
        if params is None:
            return []
        found, config = self._identify(params)
        return [*self._reference(config, history), Proposal(found, number, params, config, content=fingerprint(config))]

    def _identify(self, params: Params) -> tuple[str, TrialConfig]:
        key = repr(sorted(params.items(), key=lambda item: item[0]))
        if key not in self._composed:
            config, problems = self._composer.trial(params)
            if config is None:
                raise ConfigurationError(problems)
            self._composed[key] = trial_id(config), config
        return self._composed[key]

    def _reference(self, config: TrialConfig, history: History) -> Iterator[Proposal]:
        if not self._with_reference:
            return
        reference = reference_of(config)
        found = trial_id(reference)
        if found not in history.trials:
            yield Proposal(found, REFERENCE, {}, reference, content=fingerprint(reference))
