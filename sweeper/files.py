"""Checks the files a trial names, before anything trains."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeper.settings import GENERATED, LABELLED
from sweeper.validation import Problem
from trainers import bundled, data, hub, own_code, replay
from trainers.label_names import MOST_NAMED, class_metrics, is_of_a_class
from trainers.seam import TrialFailed
from trainers.trial import Data, Model, TrialConfig

DOCS = "https://github.com/lora-sweeper/lora-sweeper/tree/main/docs"


def problems(config: TrialConfig, metric: str) -> list[Problem]:
    """Finds what is wrong with a trial's data files and model folder.

    Args:
        config: A validated trial.
        metric: What the sweep ranks by; some need labelled data.
    """
    rows = _read(_Key(dataclasses.replace(config.data, augmentation="none")))
    if isinstance(rows, Problem):
        return [rows, *_model_problems(config.model)]
    found = [*_metric_problems(config, rows, metric), *_augmentation_problems(config, rows)]
    return [*found, *_model_problems(config.model)]


def rows_of(config: Data) -> data.Rows | None:
    """Returns a trial's rows, read once per command; None where they cannot be."""
    rows = _read(_Key(config))
    return None if isinstance(rows, Problem) else rows


def _metric_problems(config: TrialConfig, rows: data.Rows, metric: str) -> list[Problem]:
    found = _metric_problem(config.data, rows, metric)
    return [] if found is None else [found]


def _metric_problem(asked: Data, rows: data.Rows, metric: str) -> Problem | None:
    """Returns why these rows cannot be measured by a metric, None where they can."""
    if not rows.labels:
        if metric in LABELLED or is_of_a_class(metric):
            return Problem("sweep.metric", metric, f"{asked.path} holds no labels to predict", "sweep.metric=eval_loss")
        return _unanswered(asked, rows, metric)
    if metric in GENERATED:
        rule = f"is for texts, and {asked.path} has labels, whose free answers eval_generated_macro_f1 measures"
        return Problem("sweep.metric", metric, rule, "sweep.metric=eval_macro_f1")
    if is_of_a_class(metric) and metric not in (known := class_metrics(rows.labels)):
        return _no_such_label(asked, rows, metric, known)
    return None


def _unanswered(asked: Data, rows: data.Rows, metric: str) -> Problem | None:
    """Returns why rows without labels cannot be answered freely, where that is asked for."""
    if metric not in GENERATED and asked.generated_rows == 0:
        return None
    if not any(row.prompt for row in rows.validation):
        rule = f"answers prompts, and the rows of {asked.path} are texts without one"
        key, value, remedy = ("sweep.metric", metric, "sweep.metric=eval_loss") if metric in GENERATED else _ASKED_ROWS
        return Problem(key, value or asked.generated_rows, rule, remedy)
    if asked.generated_rows == 0:
        rule = f"no row is answered, and sweep.metric={metric} measures answers"
        return Problem("data.generated_rows", 0, rule, "data.generated_rows=auto")
    return None


_ASKED_ROWS = ("data.generated_rows", None, "data.generated_rows=0")


def _no_such_label(asked: Data, rows: data.Rows, metric: str, known: Sequence[str]) -> Problem:
    name = metric.partition("/")[0]
    if not known:
        rule = f"of the {len(rows.labels)} labels of {asked.path} none is measured by itself: that ends at {MOST_NAMED}"
        return Problem("sweep.metric", metric, rule, "sweep.metric=eval_macro_f1")
    labels = [item.partition("/")[2] for item in known if item.startswith(f"{name}/")]
    near = difflib.get_close_matches(metric.partition("/")[2], labels, n=1, cutoff=0.0)
    return Problem("sweep.metric", metric, f"the labels are {', '.join(labels)}", f"sweep.metric={name}/{near[0]}")


def _augmentation_problems(config: TrialConfig, rows: data.Rows) -> list[Problem]:
    if config.data.augmentation == "none" or rows.labels:
        return []
    rule = f"varies {data.AUGMENTABLE}, and {config.data.path} holds others"
    return [Problem("data.augmentation", config.data.augmentation, rule, "data.augmentation=none")]


def missing(config: TrialConfig) -> Iterator[Problem]:
    """Finds data files that are not there: a trial's identity needs their content, whoever computes it."""
    for key in ("path", "validation_path"):
        path = getattr(config.data, key)
        if path is not None and not hub.is_id(path) and not bundled.data_path(path).exists():
            yield Problem(f"data.{key}", path, "there is no such file or folder", f"data.{key}=FILE")


class _Key:
    """Lets a dataclass with lists in it be remembered: equal configurations are one key."""

    def __init__(self, config: Data) -> None:
        self.config, self._text = config, repr(config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@functools.cache
def _read(key: _Key) -> data.Rows | Problem:
    try:
        return data.load(key.config)
    except TrialFailed as error:
        return Problem("data.path", key.config.path, str(error), f"{DOCS}/data.md names the formats")


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
