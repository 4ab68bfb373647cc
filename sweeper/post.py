"""The two stores that a sweep is shown in, MLflow's and Optuna's, each with its courier."""

from __future__ import annotations

import functools
import itertools
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from mlflow import MlflowClient
from optuna.storages import RDBStorage

from analysis import tracking
from analysis.cli import DEFAULT_URI
from analysis.redaction import redacted
from sweeper import aside, mirror, reach
from sweeper.courier import Courier, Record
from sweeper.delivery import Delivery
from sweeper.driver import View
from sweeper.history import Trial
from sweeper.ledger import Ledger
from sweeper.mirror import Copies, Mirror
from sweeper.paths import SweepPaths
from sweeper.settings import Settings, Sweep, Tracking


class StoreAwayError(Exception):
    """Nobody answers at a store's address."""


class Post:
    """Takes a sweep's records to both stores."""

    def __init__(self, delivery: Delivery, copies: Mirror, uri: str, before: Sequence[Record], sync: str) -> None:
        """Begins with what is known.

        Args:
            delivery: The way to MLflow.
            copies: The way to Optuna's storage.
            uri: Where MLflow records.
            before: The log as it is.
            sync: The command that brings what is missing in the end.
        """
        self._sync = sync
        self._couriers = (
            Courier(f"MLflow at {redacted(uri)}", delivery, before),
            Courier("Optuna's storage", copies, before),
        )

    def apply(self, record: Mapping[str, Any], trial: Trial | None = None) -> None:
        """Takes a record along."""
        for courier in self._couriers:
            courier.apply(record)

    def through(self, tell: Callable[[str], None]) -> View:
        """Returns a view that also tells what becomes of the stores."""
        return _Telling(self, tell)

    def said(self) -> list[str]:
        """Returns what a user should read since the last time."""
        return [line for courier in self._couriers for line in courier.said()]

    def finish(self, patience_s: float) -> list[str]:
        """Delivers everything.

        Args:
            patience_s: How long a store that does not answer is tried again.

        Returns:
            What a user should read: what did not arrive, and the command that brings it.
        """
        for courier in self._couriers:
            courier.start()
        left = {courier.name: courier.finish(patience_s) for courier in self._couriers}
        missing = [f"{name} lacks {what}." for name, what in left.items() if what is not None]
        refused = [
            f"{courier.name} does not take trial {trial}: {why}"
            for courier in self._couriers
            for trial, why in courier.refused.items()
        ]
        more = [f"Once it answers: {self._sync}"] if missing else []
        return [*(self.said() if missing else []), *refused, *missing, *more]


class _Telling:
    """Follows the log for the post, and tells its news."""

    def __init__(self, post: Post, tell: Callable[[str], None]) -> None:
        self._post, self._tell = post, tell

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Takes a record along."""
        self._post.apply(record)
        for line in self._post.said():
            self._tell(line)


def sync_command(sweep: str, settings: Settings) -> str:
    """Returns the command that brings a sweep's stores what they lack, wherever they are."""
    given = {
        "--dir": (settings.sweep.dir, Sweep.dir),
        "--tracking-uri": (settings.tracking.uri, os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_URI)),
        "--experiment": (settings.tracking.experiment, Tracking.experiment),
        "--storage": (settings.sweep.storage, None),
    }
    more = [[key, redacted(value)] for key, (value, usual) in given.items() if value and value != usual]
    return shlex.join(["lora-report", "sync", sweep, *itertools.chain(*more)])


def delivery(sweep: str, folder: Path, uri: str, experiment: str) -> Delivery:
    """Returns the way of a sweep to MLflow.

    Args:
        sweep: Its name.
        folder: Where all sweeps are; artifacts of a local database lie there.
        uri: Where MLflow records.
        experiment: The experiment's name.
    """
    way = functools.partial(connect, folder / sweep, uri, experiment)
    return Delivery(way, Ledger(sweep), SweepPaths(folder / sweep))


def connect(root: Path, uri: str, experiment: str) -> tuple[MlflowClient, str]:
    """Opens MLflow's store, if anybody is there; returns the client and the experiment's id.

    Args:
        root: The folder of a sweep.
        uri: Where MLflow records.
        experiment: The experiment's name.
    """
    _knock(uri)
    client, found = tracking.connect(uri, experiment, (root.parent / "artifacts").resolve().as_uri())
    aside.in_mlflow(client, found, root)
    return client, found


def copies(paths: SweepPaths, url: str | None) -> Mirror:
    """Returns the way of a sweep to Optuna's storage."""
    return Mirror(functools.partial(storage, paths, url), Copies(paths.root.name))


def storage(paths: SweepPaths, url: str | None) -> RDBStorage:
    """Opens Optuna's storage, if anybody is there.

    Args:
        paths: Where the sweep is.
        url: Of a storage that sweeps share; None for a file in the sweep's folder.
    """
    if url is None:
        aside.in_own_study(paths)
        return mirror.storage(sqlalchemy.URL.create("sqlite", database=str(paths.study)).render_as_string())
    _knock(url)
    aside.in_optuna(url, paths.root)
    return mirror.storage(url)


def _knock(url: str) -> None:
    """Asks whether anybody is there: MLflow's own first call would try for minutes."""
    why = reach.unanswered(url)
    if why is not None:
        raise StoreAwayError(why)
