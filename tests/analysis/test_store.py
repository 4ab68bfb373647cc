"""An experiment may hold runs that no sweep has made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from analysis.records import PARENT
from analysis.report_error import ReportError
from analysis.store import read_sweep


def run(name: str, tags: dict[str, str]) -> Any:
    info = SimpleNamespace(run_id=name, run_name=name, status="FINISHED", start_time=0, end_time=1)
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=tags, params={}, metrics={}))


SWEEP = {"kind": "sweep", "sweep": "mine", "metric": "eval_loss", "direction": "minimize"}
TRIAL = {"kind": "trial", "trial": "a", "number": "0", PARENT: "mine"}


class Store:
    """As much of MLflow's client as reading takes."""

    def __init__(self, *runs: Any) -> None:
        self._runs = runs

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name)

    def search_runs(self, experiments: list[str], asked: str, max_results: int) -> list[Any]:
        key, _, value = asked.removeprefix("tags.").replace("`", "").replace("'", "").partition(" = ")
        return [run for run in self._runs if run.data.tags.get(key) == value]


def test_what_somebody_else_has_put_there_is_left_alone() -> None:
    strange = [run("bare", {PARENT: "mine"}), run("odd", {**TRIAL, "number": "first"})]
    store = Store(run("half", {"kind": "sweep"}), run("mine", SWEEP), run("a", TRIAL), *strange)
    assert [row.name for row in read_sweep(store, "e", None).trials] == ["a"]
    with pytest.raises(ReportError, match="there are: mine"):
        read_sweep(store, "e", "half")
