"""Brings MLflow to what the ledger says: bit by bit while a sweep runs, and nothing twice after an error.

What may be done again does no harm: MLflow keeps a point, parameter or tag once, however often it is sent. Only
creating is different: after an error, and at the start, it is looked up which runs there are. A run is ended last, so
that one that has ended with an outcome is complete.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from analysis.on_test import TEST
from analysis.records import DECISION, PARENT, REPORT
from sweeper import artifacts
from sweeper.entry import Entry
from sweeper.ledger import Ledger
from sweeper.paths import SweepPaths
from sweeper.point import Point, point

Connect = Callable[[], tuple[MlflowClient, str]]

_MOST_RUNS = 50_000  # the most that one search may ask for (mlflow/store/tracking/__init__.py)
_METRICS, _PARAMS = 800, 100  # per log_batch call, 1000 entities in all (mlflow/utils/validation.py)
_OPENED = "opened"


@dataclass
class _Sent:
    """What a run in MLflow holds, as far as it is known here; `is_let_go` where it held everything once."""

    id: str
    started_ms: int
    status: str = "RUNNING"
    ended_ms: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    points: set[Point] = field(default_factory=set)
    tables: dict[str, str] = field(default_factory=dict)
    is_let_go: bool = False

    def is_whole(self, entry: Entry) -> bool:
        """True where the run has ended as its trial has: nothing is added to it any more."""
        ended = entry.trial.outcome is not None and self.tags.get("outcome") == entry.trial.outcome
        return (
            ended
            and self.tags.get(TEST) == entry.tags.get(TEST)
            and (self.started_ms, self.status, self.ended_ms)
            == (
                entry.started_ms,
                entry.status,
                entry.ended_ms,
            )
        )


class Delivery:
    """The way from a ledger to one MLflow store."""

    def __init__(self, connect: Connect, ledger: Ledger, paths: SweepPaths | None = None) -> None:
        """Begins with nothing sent.

        Args:
            connect: Opens the store: a client, and the experiment's id.
            ledger: What is to be there; whoever owns it goes on to fill it.
            paths: Where the sweep's report is, once it is written; None where nobody writes one.
        """
        self._connect, self._ledger, self._paths = connect, ledger, paths
        self.did: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        """Trials that MLflow does not take, and why."""
        self._suspects: set[str] = set()
        self._made = ""  # the sweep's own run, where it was made here
        self._whole: set[str] = set()
        self._reported: str | None = None  # the report whose files MLflow has
        self.forget()

    def forget(self) -> None:
        """Believes nothing any more: the next delivery looks."""
        self._client: Any = None
        self._parent: _Sent | None = None
        self._page: str | None = None
        self._runs: dict[str, _Sent] = {}
        self._due: dict[str, None] = {}

    def take(self, record: dict[str, Any]) -> None:
        """Takes a record of the log into account."""
        self._ledger.apply(record)

    @property
    def missing(self) -> str:
        """Says what MLflow lacks, or may lack; empty where it has everything."""
        count = len(self._ledger.entries) - len(self._whole)
        runs = "1 run" if count == 1 else f"{count} runs"
        if count:
            return f"{runs} of trials"
        report = None if self._paths is None else artifacts.fingerprint(self._paths)
        return "the files of its report" if report not in {None, self._reported} else ""

    def deliver(self) -> Iterator[None]:
        """Sends what is missing; yields after each run, for whoever waits."""
        if self._ledger.started_ms is None:
            return
        if self._client is None:
            yield from self._look()
        self._due |= self._ledger.changed
        self._ledger.changed.clear()
        while self._due:
            trial = next(iter(self._due))
            if trial not in self.refused:
                self._try(self._ledger.entries[trial])
            del self._due[trial]
            yield
        self._bring_parent()

    def _look(self) -> Iterator[None]:
        """Finds out what is there, and makes the sweep's own run where it is not."""
        client, self._experiment = self._connect()
        self._found_parent = self._find_parent(client)
        yield
        runs: dict[str, _Sent] = {}
        for run in children(client, self._experiment, self._found_parent.id):
            self._remember(client, run, runs)
            yield
        self._parent, self._runs, self._client = self._found_parent, runs, client
        self._due = dict.fromkeys(self._ledger.entries)

    def _find_parent(self, client: MlflowClient) -> _Sent:
        opened = str(self._ledger.started_ms)
        found = parents(client, self._experiment, self._ledger.sweep)
        # A sweep that was begun afresh has another run; one of before these tags has none.
        mine = [run for run in found if run.data.tags.get(_OPENED, opened) == opened]
        if mine:
            return _sent(mine[-1])  # the first that was made
        # Decisions follow once their page is there.
        tags = {key: value for key, value in self._ledger.tags.items() if not key.startswith(DECISION)}
        run = client.create_run(
            self._experiment, start_time=self._ledger.started_ms, run_name=self._ledger.sweep, tags=tags
        )
        self.did["runs made"] += 1
        self._made = str(run.info.run_id)
        return _Sent(self._made, int(run.info.start_time), tags=tags)

    def _remember(self, client: MlflowClient, run: Run, runs: dict[str, _Sent]) -> None:
        """Keeps the one run of a trial that can become what it should be."""
        sent, trial = _sent(run), run.data.tags.get("trial", "")
        entry = self._ledger.entries.get(trial)
        if entry is None:
            if "outcome" not in sent.tags:  # of records that were lost with the machine
                client.delete_run(sent.id)
            return
        if not sent.is_whole(entry):
            sent.points = {found for key in run.data.metrics for found in _history(client, sent.id, key)}
        if trial not in runs and _leads_to(sent, entry):
            runs[trial] = sent
        else:
            client.delete_run(sent.id)

    def _try(self, entry: Entry) -> None:
        """Brings a run; one that MLflow refuses twice for what it holds does not keep the others waiting."""
        try:
            self._bring(entry)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            if entry.trial.id not in self._suspects:
                self._suspects.add(entry.trial.id)
                raise
            self.refused[entry.trial.id] = str(error).partition("\n")[0]

    def _bring(self, entry: Entry) -> None:
        trial = entry.trial.id
        self._whole.discard(trial)
        sent = self._runs.get(trial)
        if sent is not None and not _leads_to(sent, entry):
            self._client.delete_run(sent.id)
            sent = None
            del self._runs[trial]
        if sent is None:
            self._make(entry)
        elif not sent.is_whole(entry):
            self.did["runs brought up to date"] += self._write(sent, entry)
        if (made := self._runs[trial]).is_whole(entry):
            self._whole.add(trial)
            made.points, made.is_let_go = set(), True  # a long curve is not kept for nothing

    def _make(self, entry: Entry) -> None:
        """Makes a run, whole; a trial of milliseconds gets by with three calls."""
        tags = {**entry.tags, PARENT: self._parent.id}  # type: ignore[union-attr]
        run = self._client.create_run(
            self._experiment, start_time=entry.started_ms, run_name=entry.name, tags=dict(tags)
        )
        sent = self._runs[entry.trial.id] = _Sent(str(run.info.run_id), entry.started_ms, tags=tags)
        self._write(sent, entry)
        self.did["runs made"] += 1

    def _write(self, sent: _Sent, entry: Entry) -> bool:
        """Writes what a run lacks, its outcome last; returns whether it lacked anything."""
        tags, params = entry.tags, entry.params
        # A run that was whole lacks nothing but a test that came afterwards.
        points = [item for item in (entry.tests if sent.is_let_go else entry.points) if item not in sent.points]
        more = {key: value for key, value in params.items() if key not in sent.params}
        tables = entry.tables
        for name, table in tables.items():  # before the outcome, as all else
            if sent.tables.get(name) != table:
                self._client.log_text(sent.id, table, name)
        sent.tables = tables
        self._log(sent.id, points, more, {key: value for key, value in tags.items() if sent.tags.get(key) != value})
        for key in {"reason"} & sent.tags.keys() - tags.keys():  # it was interrupted, and goes on
            self._client.delete_tag(sent.id, key)
            del sent.tags[key]
        ends = (sent.status, sent.ended_ms) != (entry.status, entry.ended_ms)
        if ends:
            self._set_status(sent.id, entry.status, entry.ended_ms)
        sent.points.update(points)
        sent.params, sent.tags = params, {**sent.tags, **tags}
        sent.status, sent.ended_ms = entry.status, entry.ended_ms
        return bool(points or more or ends)

    def _log(self, run: str, points: list[Point], params: dict[str, str], tags: dict[str, str]) -> None:
        listed = list(params.items())
        batches = max(math.ceil(len(points) / _METRICS), math.ceil(len(listed) / _PARAMS), 1 if tags else 0)
        for index in range(batches):
            self._client.log_batch(
                run,
                metrics=[Metric(*item) for item in points[index * _METRICS : (index + 1) * _METRICS]],
                params=[Param(*item) for item in listed[index * _PARAMS : (index + 1) * _PARAMS]],
                tags=[RunTag(*item) for item in tags.items()] if index == batches - 1 else [],
            )

    def _set_status(self, run: str, status: str, ended_ms: int | None) -> None:
        if ended_ms is None:
            self._client.update_run(run, status=status)
        else:
            self._client.set_terminated(run, status, ended_ms)

    def _bring_parent(self) -> None:
        """Brings the sweep's own run, last: once it has ended, all is there."""
        sent, ledger = self._parent, self._ledger
        assert sent is not None
        tags = {key: value for key, value in ledger.tags.items() if sent.tags.get(key) != value}
        page = ledger.page
        # The page before the tags: where they are, it is.
        if page is not None and page != self._page and (self._page is not None or tags):
            self._client.log_text(sent.id, page, "decisions.md")
        self._page = page
        self._log(sent.id, [], {}, tags)
        ends = (sent.status, sent.ended_ms) != (ledger.status, ledger.ended_ms)
        self.did["runs brought up to date"] += bool(tags or ends) and sent.id != self._made
        if ends:
            self._set_status(sent.id, ledger.status, ledger.ended_ms)
        sent.tags, sent.status, sent.ended_ms = {**sent.tags, **tags}, ledger.status, ledger.ended_ms
        self._bring_report(sent)

    def _bring_report(self, sent: _Sent) -> None:
        """Brings the report's files, where they are not those that are there; all else is there by then."""
        if self._paths is None or not self._ledger.reported:
            return
        found = artifacts.fingerprint(self._paths)
        if found is None or sent.tags.get(REPORT) == found:
            self._reported = found
            return
        for item in artifacts.of(self._paths):
            self._client.log_artifact(sent.id, str(item.file), item.folder)
        self._client.set_tag(sent.id, REPORT, found)  # the files before the tag: where it is, they are
        sent.tags[REPORT] = self._reported = found
        self.did["reports brought"] += 1


def _leads_to(sent: _Sent, entry: Entry) -> bool:
    """True where a run is what it should be, or becomes it by adding to it."""
    if sent.is_whole(entry):
        return True
    wanted = entry.params
    same = all(wanted.get(key) == value for key, value in sent.params.items())
    return same and sent.started_ms == entry.started_ms and sent.points.issubset(entry.points)


def _sent(run: Run) -> _Sent:
    info, data = run.info, run.data
    return _Sent(info.run_id, int(info.start_time), str(info.status), info.end_time, dict(data.tags), dict(data.params))


def _history(client: MlflowClient, run: str, key: str) -> list[Point]:
    return [point(key, item.value, item.timestamp, item.step) for item in client.get_metric_history(run, key)]


def parents(client: MlflowClient, experiment: str, sweep: str) -> list[Run]:
    """Returns the runs of a sweep's own, the latest first."""
    return list(client.search_runs([experiment], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'"))


def children(client: MlflowClient, experiment: str, parent: str) -> Iterator[Run]:
    """Yields the runs of a sweep's trials."""
    token = None
    while True:
        found = client.search_runs(
            [experiment], f"tags.`{PARENT}` = '{parent}'", max_results=_MOST_RUNS, page_token=token
        )
        yield from found
        token = found.token
        if not token:
            return


def remove(client: MlflowClient, experiment: str, sweep: str) -> int:
    """Moves a sweep's runs to MLflow's trash.

    Returns:
        How many.
    """
    runs = [
        run
        for parent in parents(client, experiment, sweep)
        for run in (*children(client, experiment, parent.info.run_id), parent)
    ]
    for run in runs:
        client.delete_run(run.info.run_id)
    return len(runs)
