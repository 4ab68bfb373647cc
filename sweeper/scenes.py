"""Scenes of a command's trials: what is known of data is found once, however many trials have it."""

from __future__ import annotations

import dataclasses
from typing import Any

from sweeper import files, model_facts
from sweeper.facts import Facts, facts_of
from sweeper.model_facts import ModelFacts
from sweeper.near_duplicates import Different
from sweeper.repeats import Repeats, repeats_of
from sweeper.scene import Hardware, Scene
from trainers.data import Account, Rows
from trainers.trial import Model, TrialConfig


class Scenes:
    """Makes scenes of trials."""

    def __init__(self, hardware: Hardware, metric: str, known: tuple[TrialConfig, Facts] | None = None) -> None:
        """Begins with what is known.

        Args:
            hardware: What the trials run on.
            metric: What they are ranked by.
            known: The facts of one trial's data, where they were looked at before.
        """
        self._hardware, self._metric = hardware, metric
        self._facts: dict[Any, Facts] = {}
        self._models: dict[Model, ModelFacts | None] = {}
        self._repeats: dict[str, Repeats] = {}
        self._different: dict[str, Different] = {}
        if known is not None and known[1].rows:
            self._different[_rows_key(known[0])] = Different(known[1].effective_rows, known[1].exact)

    def of(self, config: TrialConfig) -> Scene:
        """Returns the scene of a trial."""
        everything = files.rows_of(
            dataclasses.replace(files.without_repeats(config.data), class_balance="none", max_samples=None)
        )
        scene = Scene(
            config=config,
            facts=self._facts_of(config),
            source_rows=0 if everything is None else everything.account.read,
            hardware=self._hardware,
            model=self._model_of(config.model),
            repeats=self._repeats_of(config),
            accounts={} if everything is None else _accounts(config, everything),
        )
        return dataclasses.replace(scene, facts=dataclasses.replace(scene.facts, steps=scene.steps))

    def _facts_of(self, config: TrialConfig) -> Facts:
        key = (_rows_key(config), repr(config.model), config.training.max_length)
        if key not in self._facts:
            found = facts_of(config, self._different.get(key[0]))
            self._different[key[0]] = Different(found.effective_rows, found.exact)
            self._facts[key] = dataclasses.replace(found, metric=self._metric)
        return self._facts[key]

    def _model_of(self, model: Model) -> ModelFacts | None:
        if model not in self._models:
            self._models[model] = model_facts.read(model)
        return self._models[model]

    def _repeats_of(self, config: TrialConfig) -> Repeats:
        key = _rows_key(config)
        if key not in self._repeats:
            rows = files.rows_of(files.without_repeats(config.data))
            self._repeats[key] = Repeats() if rows is None else repeats_of(config, rows)
        return self._repeats[key]


def _accounts(config: TrialConfig, rows: Rows) -> dict[str, Account]:
    of_validation = "data.path" if config.data.validation_path is None else "data.validation_path"
    return {of_validation: rows.validation_account, "data.path": rows.account}


def _rows_key(config: TrialConfig) -> str:
    """Names the rows without their repeats, which add nothing new."""
    return repr(files.without_repeats(config.data))
