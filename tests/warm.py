"""A process that has imported what the commands import, and runs each of them in a child forked from it.

Python, MLflow and Optuna take three seconds to start, as often as a test runs a command. What a command does is the
same: its own process, folder, environment and exit, with `python -m` as far as it can see. Whatever is about starting
(Ctrl-C while libraries load, which of them are loaded at all) runs in a process that begins with nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pickle
import runpy
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_IMPORTED = (
    *(
        "sweeper.precheck",
        "sweeper.plan_text",
        "sweeper.session",
        "sweeper.post",
        "sweeper.conductor",
        "sweeper.executors.local",
    ),
    "transformers.models.auto.tokenization_auto",  # which trials render rows with, and some dry runs
    *("sweeper.executors.inline", "trainers.replay", "analysis.cli", "analysis.leaderboard_table"),
    *("hydra_plugins.lora_sweeper", "mlflow.store.tracking.sqlalchemy_store", "optuna.storages._rdb.storage"),
    *("sweeper.application", "sweeper.run", "mlflow.store.tracking.sqlalchemy_workspace_store", "git"),
    *("optuna.storages._rdb.models", "pydantic.dataclasses"),
)


class Warm:
    """The test's end of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, command: Sequence[str], folder: Path, output: Path, errors: Path, timeout_s: float) -> int:
        """Runs `python -m command`; returns its exit code, that of SIGALRM when it took too long."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {
            "command": list(command),
            "folder": str(folder),
            "output": str(output),
            "errors": str(errors),
            "environment": dict(os.environ),
            "timeout_s": timeout_s,
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@functools.cache
def warm() -> Warm:
    """Returns the one of this test process; it ends when its standard input does."""
    return Warm()


def _serve() -> Mapping[str, Any]:
    """Forks a child per request; returns in each child, with what it is to do."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return dict(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit(0)


def _remember_the_schema() -> None:
    """Makes MLflow's tables once: on every new database it runs some seventy migrations, for a second."""
    import sqlalchemy
    from mlflow.store.db import utils

    made = sqlite3.connect(":memory:", check_same_thread=False)  # a thread of a child copies it
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        engine = sqlalchemy.create_engine(f"sqlite:///{file}")
        utils._initialize_tables(engine)
        engine.dispose()
        with contextlib.closing(sqlite3.connect(file)) as first:
            first.backup(made)

    def copied(engine: sqlalchemy.Engine) -> None:
        with engine.connect() as connection:
            made.backup(connection.connection.driver_connection)  # type: ignore[arg-type]

    utils._initialize_tables = copied


def _remember_the_configuration() -> None:
    """Parses the files of conf/ once, and a command: a composition reads thirty of them, a command composes five times.

    Hydra's plugins and the tables of its grammar are there then, too; nothing that depends on a command or on the
    environment is kept.
    """
    import omegaconf.omegaconf
    import yaml

    from sweeper import precheck
    from sweeper.application import CONF

    parse = functools.lru_cache(maxsize=500)(lambda text, loader: pickle.dumps(yaml.load(text, loader)))

    def load(stream: Any, Loader: Any) -> Any:  # noqa: N803 - as it is called
        return pickle.loads(parse(stream if isinstance(stream, str) else stream.read(), Loader))

    omegaconf.omegaconf.yaml = types.SimpleNamespace(**{**vars(yaml), "load": load})  # type: ignore[attr-defined]
    precheck.problems(precheck.Line(["lora.r=8,16", "training.learning_rate=1e-4,2e-4", "trainer=replay"], True), CONF)
    precheck._composed.cache_clear()


def _become(asked: Mapping[str, Any]) -> None:
    """Takes the folder, the environment, the streams and the arguments of a command."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for stream, path in enumerate((os.devnull, asked["output"], asked["errors"])):
        opened = os.open(path, os.O_RDONLY if stream == 0 else os.O_WRONLY)
        os.dup2(opened, stream)
        os.close(opened)
    sys.path.insert(0, asked["folder"])
    sys.argv[:] = asked["command"]
    signal.alarm(int(asked["timeout_s"]))


def _run(module: str) -> int:
    """Runs a module as `python -m` does; returns the exit code."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as done:
        if isinstance(done.code, str):
            print(done.code, file=sys.stderr)
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter's last resort
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """Ends a child as the interpreter would, but for taking apart every module: a second of a sweep's two."""
    import sqlalchemy

    threading._shutdown()  # type: ignore[attr-defined] # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for item in gc.get_objects():  # of the child alone: the rest is frozen
        if type(item) is sqlalchemy.Engine:
            item.dispose()  # a database that is closed leaves no write-ahead log behind
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, as `python -m` would not have it
    for name in _IMPORTED:
        importlib.import_module(name)
    _remember_the_schema()
    _remember_the_configuration()
    gc.collect()
    gc.freeze()  # children need not look through all this at their collections
    asked = _serve()
    _become(asked)
    _leave(_run(asked["command"][0]))
