"""Whether a trial's rows can be measured by what the sweep ranks by."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sweeper.settings import GENERATED, LABELLED
from sweeper.validation import Problem
from trainers import data
from trainers.label_names import MOST_NAMED, class_metrics, is_of_a_class
from trainers.trial import Data


def metric_problems(asked: Data, rows: data.Rows, metric: str) -> list[Problem]:
    """Returns why these rows cannot be measured by a metric, nothing where they can.

    Args:
        asked: Where the rows come from.
        rows: The rows.
        metric: What the sweep ranks by.
    """
    found = _metric_problem(asked, rows, metric)
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
