"""MLflow and Optuna's storage from the log alone: made anew, or brought what they lack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import optuna

from analysis.redaction import redacted
from analysis.report_error import ReportError
from sweeper import delivery, mirror, post, reach
from sweeper.courier import Destination, reason
from sweeper.delivery import Delivery
from sweeper.event_log import EventLog, LogError, LogInUseError
from sweeper.mirror import Mirror
from sweeper.paths import SweepPaths

T = TypeVar("T")


@dataclass(frozen=True)
class Stores:
    """Where sweeps are, and where they are shown; `storage` is None for a file in each sweep's folder."""

    folder: Path
    uri: str
    experiment: str
    storage: str | None

    def paths(self, sweep: str) -> SweepPaths:
        """Returns where a sweep is.

        Raises:
            ReportError: There is none of that name in the folder.
        """
        paths = SweepPaths(self.folder / sweep)
        if Path(sweep).name != sweep or not paths.events.is_file():
            known = ", ".join(self.sweeps)
            there = f"there are: {known}" if known else "there is none"
            raise ReportError(f"there is no sweep {sweep!r} in {self.folder}; {there}")
        return paths

    @property
    def sweeps(self) -> list[str]:
        """The names of all sweeps in the folder."""
        return sorted(path.parent.name for path in self.folder.glob("*/events.jsonl"))

    def ways(self, sweep: str) -> tuple[Delivery, Mirror]:
        """Returns the ways of a sweep to both stores."""
        way = post.delivery(sweep, self.folder, self.uri, self.experiment)
        return way, post.copies(self.paths(sweep), self.storage)


def rebuild(sweep: str, stores: Stores) -> str:
    """Makes a sweep's runs in MLflow and its study anew; what was there is deleted.

    Returns:
        What was done.

    Raises:
        ReportError: There is no such sweep, a driver is writing it, or a store does not answer.
    """
    paths = stores.paths(sweep)
    _check(stores)
    with _locked(paths) as log:
        ways = stores.ways(sweep)
        removed = _try("MLflow", lambda: _remove_runs(sweep, stores))
        _try("Optuna's storage", lambda: _remove_studies(sweep, paths, stores))
        done = _deliver(ways, log)
    return f"{sweep}: {removed} old runs are in MLflow's trash; {done}"


def sync(sweep: str | None, stores: Stores) -> str:
    """Brings both stores what they lack.

    Args:
        sweep: Its name; None for every sweep in the folder.
        stores: Where they are.

    Returns:
        What was done, a line per sweep.

    Raises:
        ReportError: There is no such sweep, a driver is writing it, or a store does not answer.
    """
    _check(stores)
    names = stores.sweeps if sweep is None else [sweep]
    if not names:
        raise ReportError(f"there is no sweep in {stores.folder}; run one with lora-sweep, or give --dir")
    done, failed = [], []
    for name in names:
        try:
            done.append(_synced(name, stores))
        except ReportError as error:
            failed.append(str(error))
    if failed:
        raise ReportError("\n".join([*failed, *done]))
    return "\n".join(done)


def _synced(sweep: str, stores: Stores) -> str:
    with _locked(stores.paths(sweep)) as log:
        return f"{sweep}: {_deliver(stores.ways(sweep), log)}"


def _locked(paths: SweepPaths) -> EventLog:
    try:
        return EventLog(paths.events)
    except LogInUseError as error:
        raise ReportError(f"{error}, which delivers itself") from error
    except (LogError, OSError) as error:
        raise ReportError(str(error)) from error


def _check(stores: Stores) -> None:
    """Refuses what can never be a store."""
    for option, url, why_not in (
        ("--tracking-uri", stores.uri, reach.why_not),
        ("--storage", stores.storage, reach.why_not_storage),
    ):
        if url is not None and (why := why_not(url)):
            raise ReportError(f"{option} {redacted(url)}: {why}")


def _deliver(ways: tuple[Delivery, Mirror], log: EventLog) -> str:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    named: list[tuple[str, Destination]] = [("MLflow", ways[0]), ("Optuna's storage", ways[1])]
    for name, way in named:
        for record in log.history:
            way.take(record)
        _try(name, lambda way=way: _all(way))  # type: ignore[misc]
    done = [_counted(count, what) for way in ways for what, count in way.did.items() if count]
    refused = [f"MLflow does not take trial {trial}: {why}" for trial, why in ways[0].refused.items()]
    return "\n".join([", ".join(done) or "nothing was missing", *refused])


def _counted(count: int, what: str) -> str:
    return (
        f"{count} {what}"
        if count > 1
        else f"1 {what.replace('runs', 'run').replace('trials', 'trial').replace('reports', 'report')}"
    )


def _all(way: Destination) -> None:
    for _ in way.deliver():
        pass


def _remove_runs(sweep: str, stores: Stores) -> int:
    client, experiment = post.connect(stores.paths(sweep).root, stores.uri, stores.experiment)
    return delivery.remove(client, experiment, sweep)


def _remove_studies(sweep: str, paths: SweepPaths, stores: Stores) -> int:
    return mirror.remove(post.storage(paths, stores.storage), sweep)


def _try(name: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except Exception as error:
        raise ReportError(f"{name} does not answer: {reason(error)}") from error
