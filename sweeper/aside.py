"""`sweep.fresh=true`: a recorded sweep is put aside under another name, and nothing of it is lost."""

from __future__ import annotations

import datetime
import glob
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy

from sweeper.continuation import free_name
from sweeper.event_log import EventLog, read
from sweeper.paths import SweepPaths

if TYPE_CHECKING:
    from mlflow import MlflowClient


def put(paths: SweepPaths) -> str | None:
    """Renames the folder of a recorded sweep; nobody may be writing it.

    The log says so first: the databases that show the sweep follow (`in_mlflow`, `in_optuna`) whenever they answer.

    Args:
        paths: Where the sweep is.

    Returns:
        Its new name; None where there was none.

    Raises:
        LogInUseError: Another process writes it.
    """
    if not paths.events.exists():
        return None
    with EventLog(paths.events) as log:
        if not log.history:
            return None
        name = free_name(paths.root, ".", 1)
        log.append("renamed", {"from": paths.root.name, "to": name}, durable=True)
        paths.root.rename(paths.root.with_name(name))
    return name


def in_mlflow(client: MlflowClient, experiment: str, root: Path) -> None:
    """Gives the runs of sweeps that were put aside their new name; those that have it already keep it.

    Args:
        client: Of a store that answers.
        experiment: The experiment's id.
        root: The folder that the sweeps were in.
    """
    for name, stamp in _renamed(root):
        wanted = f"tags.sweep = '{root.name}' and tags.kind = 'sweep' and attributes.start_time <= {int(stamp * 1000)}"
        for run in client.search_runs([experiment], wanted):
            client.set_tag(run.info.run_id, "sweep", name)
            client.update_run(run.info.run_id, name=name)


def in_optuna(storage: str, root: Path) -> None:
    """Gives the studies of sweeps that were put aside their new name, in a storage that several sweeps share.

    Args:
        storage: Its URL; it has to answer.
        root: The folder that the sweeps were in.
    """
    renamed = list(_renamed(root))
    if not renamed:
        return
    engine = sqlalchemy.create_engine(storage)
    if "studies" in sqlalchemy.inspect(engine).get_table_names():
        with engine.begin() as connection:
            for name, stamp in renamed:
                _rename_studies(connection, root.name, name, stamp)
    engine.dispose()


def in_own_study(paths: SweepPaths) -> None:
    """Gives the studies in the folder of a sweep that was put aside its name.

    Args:
        paths: Where the sweep is now.
    """
    names = {item["from"] for item in read(paths.events) if item["event"] == "renamed"}
    if not names or not paths.study.exists():
        return
    engine = sqlalchemy.create_engine(sqlalchemy.URL.create("sqlite", database=str(paths.study)))
    with engine.begin() as connection:
        for (name,) in connection.execute(sqlalchemy.text("SELECT study_name FROM studies")).all():
            if name.rstrip("+") in names - {paths.root.name}:
                _rename(connection, name, paths.root.name)
    engine.dispose()


def _rename_studies(connection: sqlalchemy.Connection, old: str, new: str, stamp: float) -> None:
    """Renames a study, and those of other axes beside it (`name+`), whose first trial is older than the renaming."""
    rows = connection.execute(sqlalchemy.text(_OLDEST)).all()
    when = datetime.datetime.fromtimestamp(stamp)  # as Optuna writes it: local time without a zone
    for name, first in rows:
        began = datetime.datetime.fromisoformat(first) if isinstance(first, str) else first
        if name.rstrip("+") == old and began is not None and began <= when:
            _rename(connection, name, new)


def _rename(connection: sqlalchemy.Connection, study: str, sweep: str) -> None:
    """Gives a study the name of a sweep, the marks of other axes (`name+`) kept."""
    values = {"old": study, "new": sweep + study[len(study.rstrip("+")) :]}
    connection.execute(sqlalchemy.text("UPDATE studies SET study_name = :new WHERE study_name = :old"), values)


_OLDEST = """
SELECT studies.study_name, MIN(trials.datetime_complete)
FROM studies JOIN trials ON trials.study_id = studies.study_id
GROUP BY studies.study_name
"""


def _renamed(root: Path) -> Iterator[tuple[str, float]]:
    """Yields the name of each sweep that was put aside here, and when that was, the earliest first."""
    found = []
    for folder in root.parent.glob(f"{glob.escape(root.name)}.*"):
        records = [item for item in read(SweepPaths(folder).events) if item["event"] == "renamed"]
        found += [(item["time"], folder.name) for item in records[-1:] if item["to"] == folder.name]
    yield from ((name, stamp) for stamp, name in sorted(found))
