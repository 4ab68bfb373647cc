"""Checks the files a trial names, before anything trains."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from sweeper.by_text import ByText
from sweeper.unmeasurable import metric_problems
from sweeper.validation import Problem
from trainers import bundled, data, data_fault, hub, own_code, replay, sources
from trainers.on_disk import is_there
from trainers.seam import TrialFailed
from trainers.trial import Data, Model, TrialConfig

TestRows = tuple[list[data.Example], data.Account]

DOCS = "https://github.com/lora-sweeper/lora-sweeper/tree/main/docs"


def problems(config: TrialConfig, metric: str) -> list[Problem]:
    """Finds what is wrong with a trial's data files and model folder.

    Args:
        config: A validated trial.
        metric: What the sweep ranks by; some need labelled data.
    """
    rows = _read(_key(config.data.untouched))  # what only labelled rows can have is looked at by itself
    if isinstance(rows, Problem):
        return [rows, *_missing(config.data, "test_path"), *_model_problems(config.model)]
    found = [
        *metric_problems(config.data, rows, metric),
        *_unlabelled_problems(config, rows),
        *_test_problems(config, rows),
    ]
    return [*found, *_model_problems(config.model)]


def rows_of(config: Data) -> data.Rows | None:
    """Returns a trial's rows, read once per command; None where they cannot be."""
    rows = _read(_key(config))
    return None if isinstance(rows, Problem) else rows


def test_rows_of(config: Data) -> TestRows | None:
    """Returns a trial's test rows and what became of them, read once per command; None where they cannot be."""
    rows = rows_of(config.untouched)
    found = None if rows is None else _read_test(_key(config.untouched), rows.labels)
    return None if isinstance(found, Problem) else found


def without_repeats(config: Data) -> Data:
    """Returns the data without what says the same again: variants of rows, and rows that stand several times."""
    balance = config.class_balance if config.class_balance == "undersample" else "none"
    return dataclasses.replace(config, augmentation="none", augmentation_factor=1, class_balance=balance)


def _unlabelled_problems(config: TrialConfig, rows: data.Rows) -> list[Problem]:
    faults = [] if rows.labels else data.unlabelled_faults(config.data)
    return [_problem(fault, fault.key, config.data) for fault in faults]


def missing(config: TrialConfig) -> Iterator[Problem]:
    """Finds data files that are not there: a trial's identity needs their content, whoever computes it."""
    for key in ("path", "validation_path"):
        yield from _missing(config.data, key)


def _missing(config: Data, key: str) -> Iterator[Problem]:
    path = getattr(config, key)
    if path is None or hub.is_id(path):
        return
    try:
        found = is_there(sources.located(path, config.cache_dir))
    except data_fault.DataFault as error:
        yield _problem(error, error.key, config)
        return
    if not found:
        yield Problem(f"data.{key}", path, "there is no such file or folder", f"data.{key}=FILE")


def _test_problems(config: TrialConfig, rows: data.Rows) -> list[Problem]:
    """Finds what is wrong with the test rows: at the end of a sweep is too late for it."""
    if absent := list(_missing(config.data, "test_path")):
        return absent
    found = _read_test(_key(config.data.untouched), rows.labels)
    return [found] if isinstance(found, Problem) else []


@functools.cache
def _read_test(key: ByText[Data], labels: tuple[str, ...]) -> TestRows | Problem:
    try:
        return data.read_test(key.value, labels)
    except TrialFailed as error:
        return _problem(error, "data.test_path", key.value)


@functools.cache
def _read(key: ByText[Data]) -> data.Rows | Problem:
    try:
        return data.load(key.value)
    except TrialFailed as error:
        return _problem(error, "data.path", key.value)


def _key(config: Data) -> ByText[Data]:
    return ByText(repr(config), config)


def _problem(error: TrialFailed, key: str, config: Data) -> Problem:
    """Returns what was found while reading; what is not said of another setting is said of the key."""
    if isinstance(error, data_fault.DataFault):
        return Problem(error.key, getattr(config, error.key.removeprefix("data.")), error.rule, error.remedy)
    return Problem(key, getattr(config, key.removeprefix("data.")), str(error), f"{DOCS}/data.md names the formats")


def _model_problems(model: Model) -> list[Problem]:
    path = model.path
    looks_local = path.startswith((".", "/", "~")) or Path(path).exists()
    if bundled.is_bundled(path) or not looks_local:
        return []
    if (Path(path) / "config.json").is_file():
        return list(_unsafe(model))
    rule = "a local model is a folder with a config.json, as save_pretrained writes it"
    return [Problem("model.path", path, rule, "a folder with config.json, or a hub id such as org/name")]


def _unsafe(model: Model) -> Iterator[Problem]:
    if own_code.needs_code(model):
        yield Problem("model.path", model.path, own_code.CODE_RULE, own_code.CODE_REMEDY)
    if own_code.holds_pickles_alone(Path(model.path)):
        rule = "holds its weights as a pickle, and reading one can run anything; they are read from *.safetensors alone"
        yield Problem("model.path", model.path, rule, "a folder that save_pretrained of transformers 5 wrote")


def table_problems(path: str | None, metric: str, example: TrialConfig | None) -> list[Problem]:
    """Finds what is wrong with a table of recorded curves.

    Args:
        path: The table.
        metric: What the sweep ranks by.
        example: A trial of the sweep, to tell parameters by; None where none composes.
    """
    if path is None or not Path(path).is_file():
        return [Problem("replay.table", path, "trainer=replay answers from a CSV file", "replay.table=curves.csv")]
    try:
        table = replay.read_table(path)
    except (ValueError, KeyError) as error:
        return [Problem("replay.table", path, f"is no table of curves: {error}", f"{DOCS}/replay.md shows one")]
    return list(_table_problems(path, table, metric, example))


def _table_problems(path: str, table: replay.Table, metric: str, example: TrialConfig | None) -> Iterator[Problem]:
    named = ", ".join(table.metrics) or "none"
    if metric not in table.metrics:
        remedy = f"sweep.metric={(table.metrics or ['eval_loss'])[0]}"
        yield Problem("sweep.metric", metric, f"{path} has the metrics {named}", remedy)
    if odd := [name for name in table.metrics if not re.fullmatch(r"[\w. /:-]+", name)]:
        rule = f"MLflow takes no metric called {', '.join(odd)}: letters, digits and _ - . : / only"
        yield Problem("replay.table", path, rule, "another name for that column")
    if example is not None and (unknown := table.unknown(example)):
        rule = f"its columns {', '.join(unknown)} are no parameters of a trial"
        yield Problem("replay.table", path, rule, "dotted names as in lora-sweep --help")
