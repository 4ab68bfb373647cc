"""Opens the store that MLflow records a sweep in.

Everything goes through `MlflowClient` in the driver: transformers' own callback ends the wrong runs and costs four
seconds per trial (facts, section 7).
"""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils

from analysis import whole_database

_KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens its view for training runs


def _write_ahead(connection: Any, record: Any) -> None:
    """Lets SQLite write ahead: readers such as `mlflow ui` never wait, and a commit costs one write instead of three.

    A power failure can lose the last commits, never the file; the sweep's log has them.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")


def _tables(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(url)
    utils._initialize_tables(engine)
    return engine


def connect(uri: str, experiment: str, artifacts: str) -> tuple[MlflowClient, str]:
    """Opens the tracking store, creating the database and the experiment where they are missing.

    Args:
        uri: Where MLflow records.
        experiment: The experiment's name.
        artifacts: The folder for artifacts of a store that is a local database.

    Returns:
        The client and the experiment's id.
    """
    if uri.startswith("sqlite:"):
        whole_database.made(uri, _tables)
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _write_ahead)
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        return client, str(found.experiment_id)
    location = artifacts if uri.startswith("sqlite:") else None
    try:
        return client, str(client.create_experiment(experiment, artifact_location=location, tags=_KIND))
    except MlflowException:  # somebody else created it meanwhile
        return client, str(client.get_experiment_by_name(experiment).experiment_id)
