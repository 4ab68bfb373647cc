"""The study's copy in a database, for optuna-dashboard and a team: what the log says it holds, and the way there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from optuna.storages import BaseStorage, RDBStorage

from analysis import whole_database
from sweeper.decisions import Objective
from sweeper.distributions import label
from sweeper.freezing import frozen
from sweeper.history import History, Trial

Distributions = Mapping[str, BaseDistribution]


@dataclass
class Copy:
    """One study: its axes, and its trials in the order they were added."""

    name: str
    axes: dict[str, BaseDistribution] = field(default_factory=dict)
    trials: dict[str, Distributions] = field(default_factory=dict)

    def accepts(self, distributions: Distributions) -> bool:
        """True for a search whose axes are those of the trials in here: Optuna forbids a study to change one."""
        return all(distributions.get(key) == known for key, known in self.axes.items())

    def takes(self, trial: Trial, distributions: Distributions) -> bool:
        """True for a point of a search that changes no axis of the trials in here."""
        return fits(trial, distributions) and all(
            self.axes.get(key, distributions[key]) == distributions[key] for key in trial.params
        )

    def add(self, trial: Trial, distributions: Distributions) -> None:
        """Adds a trial that has ended."""
        self.trials[trial.id] = distributions
        self.axes |= {key: distributions[key] for key in trial.params}


class Copies:
    """The studies of one sweep as its log tells: a search over other values gets one of its own."""

    def __init__(self, sweep: str, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.objective = Objective("eval_loss", "minimize")
        self.copies = [Copy(sweep)]
        self.trials: dict[str, Trial] = {}
        self.ended: dict[str, float] = {}
        self._history = History()
        self._current: tuple[Copy, Distributions] | None = None
        self._proposed: dict[str, tuple[Copy, Distributions]] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> None:
        """Takes one record of the log into account."""
        trial = self._history.apply(record)
        match record["event"]:
            case "opened":
                self.objective = Objective(record["metric"], record["direction"])
            case "searched":
                self._search({key: json_to_distribution(text) for key, text in record["distributions"].items()})
            case "proposed" if trial is not None and self._current is not None:
                self._proposed[trial.id] = self._current
            case "ended" | "failed" if trial is not None and not trial.is_reference:
                self.trials[trial.id], self.ended[trial.id] = trial, record["time"]
                self._add(trial)

    def _search(self, distributions: Distributions) -> None:
        copy = next((item for item in self.copies if item.accepts(distributions)), None)
        if copy is None:
            copy = Copy(f"{self.copies[-1].name}+")
            self.copies.append(copy)
        self._current = copy, distributions
        for trial in self.trials.values():
            if trial.id not in copy.trials and copy.takes(trial, distributions):
                copy.add(trial, distributions)

    def _add(self, trial: Trial) -> None:
        """Adds a trial to the present search's study where it is a point of it, else to that of its own search."""
        for place in (self._current, self._proposed.get(trial.id)):
            if place is not None and place[0].takes(trial, place[1]):
                place[0].add(trial, place[1])
                return


def fits(trial: Trial, distributions: Distributions) -> bool:
    """True for a trial that is a point of a search."""
    return all(key in distributions and _holds(distributions[key], label(value)) for key, value in trial.params.items())


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return any(value == item and type(value) is type(item) for item in distribution.choices)
    return isinstance(value, (int, float)) and distribution._contains(distribution.to_internal_repr(value))


class Mirror:
    """The way from the copies to one storage: each trial once it has ended, none twice."""

    def __init__(self, connect: Callable[[], BaseStorage], copies: Copies) -> None:
        """Begins with nothing sent.

        Args:
            connect: Opens the storage.
            copies: What is to be there; whoever owns it goes on to fill it.
        """
        self._connect, self._copies = connect, copies
        self.did: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self._sent: set[tuple[str, str]] = set()
        self.forget()

    def forget(self) -> None:
        """Believes nothing any more: the next delivery looks."""
        self._storage: BaseStorage | None = None
        self._studies: dict[str, tuple[optuna.Study, set[str]]] = {}

    def take(self, record: dict[str, Any]) -> None:
        """Takes a record of the log into account."""
        self._copies.apply(record)

    @property
    def missing(self) -> str:
        """Says what the storage lacks, or may lack; empty where it has everything."""
        count = sum(len(copy.trials) for copy in list(self._copies.copies)) - len(self._sent)
        return "" if not count else "1 trial" if count == 1 else f"{count} trials"

    def deliver(self) -> Iterator[None]:
        """Adds what is missing; yields after each trial, for whoever waits."""
        for copy in self._copies.copies:
            if copy.trials:
                yield from self._bring(copy)

    def _bring(self, copy: Copy) -> Iterator[None]:
        if copy.name not in self._studies:
            self._studies[copy.name] = self._open(copy.name)
            yield
        study, known = self._studies[copy.name]
        for trial in [item for item in copy.trials if item not in known]:
            distributions, copies = copy.trials[trial], self._copies
            study.add_trial(frozen(copies.trials[trial], distributions, copies.objective, copies.ended[trial]))
            known.add(trial)
            self._sent.add((copy.name, trial))
            self.did["trials added"] += 1
            yield

    def _open(self, name: str) -> tuple[optuna.Study, set[str]]:
        self._storage = self._storage or self._connect()
        study = optuna.create_study(
            study_name=name, storage=self._storage, direction=self._copies.objective.direction, load_if_exists=True
        )
        known = {str(item.user_attrs.get("trial")) for item in study.get_trials(deepcopy=False)}
        self._sent |= {(name, trial) for trial in known}
        return study, known


def remove(storage: BaseStorage, sweep: str) -> int:
    """Deletes a sweep's studies.

    Returns:
        How many.
    """
    names = [item.study_name for item in optuna.get_all_study_summaries(storage, include_best_trial=False)]
    mine = [name for name in names if name.rstrip("+") == sweep]
    for name in mine:
        optuna.delete_study(study_name=name, storage=storage)
    return len(mine)


def storage(url: str) -> RDBStorage:
    """Opens a storage; SQLite need not wait for the disk, since this copy can be made anew from the log."""
    whole_database.made(url, lambda fresh: RDBStorage(fresh).engine)
    made = RDBStorage(url)
    if made.engine.dialect.name == "sqlite":
        sqlalchemy.event.listen(made.engine, "connect", _without_waiting)
        made.engine.dispose()  # connections that were opened before
    return made


def _without_waiting(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
