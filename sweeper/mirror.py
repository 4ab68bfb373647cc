"""The study's copy in a database, for optuna-dashboard and a team."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.study import Study


class Mirror:
    """Copies each trial of a study once it has finished."""

    def __init__(self, study: Study, storage: str, name: str, objective: Objective) -> None:
        self._study = study
        self._mirror = self._open(storage, name, objective)
        self._known = {item.user_attrs.get("trial") for item in self._mirror.get_trials(deepcopy=False)}

    def _open(self, storage: str, name: str, objective: Objective) -> optuna.Study:
        mirror = optuna.create_study(
            study_name=name, storage=_fast(storage), direction=objective.direction, load_if_exists=True
        )
        if all(self._study.accepts(item) for item in mirror.get_trials(deepcopy=False)):
            return mirror
        # Optuna forbids a study to change an axis: a sweep continued over other values gets a study of its own.
        return self._open(storage, f"{name}+", objective)

    def restore(self, trials: Iterable[Trial]) -> None:
        """Copies what finished without reaching the storage."""
        for trial in trials:
            self._copy(trial)

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Copies a trial once it has finished."""
        if trial is not None and record["event"] in {"ended", "failed"}:
            self._copy(trial)

    def _copy(self, trial: Trial) -> None:
        if trial.outcome is None or trial.is_reference or trial.id in self._known or not self._study.fits(trial):
            return
        self._known.add(trial.id)
        self._mirror.add_trial(self._study.frozen(trial))


def _fast(url: str) -> RDBStorage:
    """Opens a storage; SQLite need not wait for the disk, since this copy can be made anew from the log."""
    storage = RDBStorage(url)
    if storage.engine.dialect.name == "sqlite":
        sqlalchemy.event.listen(storage.engine, "connect", _without_waiting)
        storage.engine.dispose()  # connections that were opened before
    return storage


def _without_waiting(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
