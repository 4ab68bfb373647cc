"""Which commands' trials can be compared, and in what others differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import understood
from sweeper import identity
from sweeper.command import corners
from sweeper.continuation import IncomparableError, check, common

HELD = ("lora.r=8", "training.learning_rate=1e-4")
RATES = ("lora.r=8", "training.learning_rate=1e-4,2e-4")
RANKS = ("lora.r=8,16", "training.learning_rate=1e-4")

Sessions = list[tuple[str, ...]]


@pytest.fixture
def log(table: Path) -> Callable[..., list[dict[str, Any]]]:
    """What the log holds after commands that were not refused."""

    def made(*sessions: tuple[str, ...]) -> list[dict[str, Any]]:
        asked = [understood(table, *arguments) for arguments in sessions]
        opened = {"event": "opened", "metric": "eval_loss", "direction": "minimize", **vars(common(asked[0]))}
        points = [(one, point) for one in asked for point in ([one.example] if one.asked else corners(one.space))]
        configs = [dataclasses.asdict(config) for one, point in points if (config := one.composer.trial(point)[0])]
        proposed = [
            {"event": "proposed", "trial": str(number), "number": number, "params": {}, "config": config}
            for number, config in enumerate(configs)
        ]
        return [opened, *proposed]

    return made


@pytest.fixture
def differ(table: Path) -> Callable[..., list[str]]:
    """In what the trials of a command differ from those of a log."""

    def found(records: list[dict[str, Any]], *arguments: str) -> list[str]:
        asked = understood(table, *arguments)
        try:
            check(asked, common(asked), records)
        except IncomparableError as error:
            return [line.strip() for line in str(error).splitlines() if line.startswith("  ")][:-2]
        return []

    return found


@pytest.mark.parametrize(
    "then",
    [
        ("lora.r=8,16", "training.learning_rate=1e-4,2e-4"),
        ("lora.r=8", "training.learning_rate=3e-4"),
        (*RATES, "lora.dropout=0.05,0.1"),
        (*RATES, "lora.gain=2,4"),
        (*RATES, "quantization=none,int8"),
        (*RATES, "training.lr_scheduler_kwargs={},{a: 1}"),
        ("training.learning_rate=tag(log,interval(1e-5,1e-3))", "lora.r=8", "sweep.n_trials=9", "sampler=random"),
        (*RATES, "sweep.seed=7", "pruner=median", "executor.threads=2", "sweep.noise=0.1"),
        (*RATES, "data.name=emotions", "model.name=other", "sweep.keep_adapters=none", "lora.gain=2.01"),
        (*RATES, "lora.alpha=16"),
    ],
)
def test_more_values_other_axes_and_other_settings_can_be_compared(
    log: Callable[..., Any], differ: Callable[..., list[str]], then: tuple[str, ...]
) -> None:
    assert differ(log(RATES), *then) == []


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (HELD, (*HELD, "lora.gain=4"), ["lora.gain: 2 → 4"]),
        (HELD, (*HELD, "lora.alpha=8"), ["lora.alpha: 16 → 8"]),
        (HELD, ("lora.r=16", HELD[1]), ["lora.r: 8 → 16"]),
        (HELD, (*RANKS, "lora.gain=4"), ["lora.gain: 2 → 4"]),
        (RANKS, (*RANKS, "lora.gain=4"), ["lora.gain: 2 → 4"]),
        (RANKS, (*HELD, "lora.gain=4"), ["lora.gain: 2 → 4"]),
        (RANKS, (*HELD, "lora.gain=2,4"), []),
        (
            RANKS,
            (*RANKS, "lora.alpha_law=constant", "lora.alpha_r=8"),
            ["lora.alpha_law: gain → constant", "lora.alpha_r: null → 8"],
        ),
        ((*RANKS, "lora.alpha=16"), (*RANKS, "lora.alpha=32"), ["lora.alpha: 16 → 32"]),
        ((*RANKS, "lora.alpha=16,32"), (*RANKS, "lora.gain=2"), []),
        (HELD, (*HELD, "lora.use_rslora=true"), ["lora.use_rslora: false → true"]),
        (HELD, (*HELD, "quantization=nf4"), ["quantization.name: none → nf4"]),
        (HELD, (*HELD, "recipe=quick"), None),
        (HELD, (*HELD, "data.labels=[happy,sad]"), None),
        ((*HELD, "+lora.kwargs.use_dora=true"), HELD, ["lora.kwargs.use_dora: true → null"]),
        ((*HELD, "+lora.kwargs.use_dora=true,false"), HELD, []),
        (HELD, (*HELD, "sweep.direction=maximize"), ["sweep.direction: minimize → maximize"]),
        (HELD, (*HELD, "sweep.metric=eval_macro_f1"), ["sweep.metric: eval_loss → eval_macro_f1"]),
    ],
)
def test_what_is_held_is_told_where_it_differs(
    log: Callable[..., Any],
    differ: Callable[..., list[str]],
    first: tuple[str, ...],
    then: tuple[str, ...],
    says: list[str] | None,
) -> None:
    found = differ(log(first), *then)
    assert found == says if says is not None else found


def test_an_axis_stays_one(log: Callable[..., Any], differ: Callable[..., list[str]]) -> None:
    """By the record of a session, and by what its trials have."""
    other = (*RATES, "lora.dropout=0.1")
    assert differ(log(RATES), *other) == ["lora.dropout: 0.05 → 0.1"]
    assert differ([*log(RATES), {"event": "session", "axes": ["lora.dropout"]}], *other) == []
    records = log(RATES, (*RATES, "lora.dropout=0.05,0.1"))
    assert differ(records, *other) == []
    assert differ(records, *other, "lora.bias=all") == ["lora.bias: none → all"]


def test_keys_that_an_old_log_lacks_have_their_defaults(
    log: Callable[..., Any], differ: Callable[..., list[str]]
) -> None:
    records = log(RATES)
    for key in ("lora.bias", "training.packing", "data.augmentation"):
        del records[0]["compared"][key]
    assert differ(records, *RATES) == []
    assert differ(records, *RATES, "lora.bias=all") == ["lora.bias: none → all"]
    del records[0]["compared"], records[0]["axes"]
    assert differ(records, *RATES, "lora.bias=all") == []


def test_what_has_no_trials_yet_stands_in_nobodys_way(
    log: Callable[..., Any], differ: Callable[..., list[str]]
) -> None:
    assert differ(log(RATES)[:1], *RATES, "lora.bias=all") == []


def test_files_enter_by_content(
    log: Callable[..., Any], differ: Callable[..., list[str]], tmp_path: Path, rows: Path
) -> None:
    mine, copy = tmp_path / "mine.csv", tmp_path / "copy.csv"
    mine.write_text(rows.read_text())
    copy.write_text(rows.read_text())
    data = ("data=path", "data.name=d", *RATES)
    records = log((*data, f"data.path={mine}"))
    assert differ(records, *data, f"data.path={copy}") == []
    mine.write_text(rows.read_text() + "one more,happy\n")
    copy.write_text(mine.read_text())
    identity._file_content.cache_clear()  # a command looks once
    assert differ(records, *data, f"data.path={mine}") == [f"data.path: {mine} has other rows than before"]
    assert differ(records, *data, f"data.path={copy}") == [f"data.path: {mine} → {copy}"]


def test_another_model(log: Callable[..., Any], differ: Callable[..., list[str]], micro_model: Path) -> None:
    asked = (*RATES, "model=path", f"model.path={micro_model}")
    assert differ(log(RATES), *asked) == [f"model.path: bundled:tiny → {micro_model}"]
    assert differ(log((*RATES, "model=tiny,path", f"model.path={micro_model}")), *asked) == []


def test_recorded_curves_are_no_measurements(
    log: Callable[..., Any], differ: Callable[..., list[str]], table: Path
) -> None:
    other = table.with_name("other.csv")
    other.write_text(table.read_text())
    assert differ(log(RATES), *RATES, f"replay.table={other}") == [f"replay.table: {table} → {other}"]
    assert differ(log(RATES), *RATES, f"replay.table={table.parent / '.' / table.name}") == []
    records = log(RATES)
    records[0]["compared"] |= {"trainer.name": "sft", "replay.table": None}
    assert differ(records, *RATES) == ["trainer.name: sft → replay"]


def test_a_procedures_stages_are_axes(log: Callable[..., Any], differ: Callable[..., list[str]]) -> None:
    base = ("procedure=rank", "lora.r=4,8")
    records = log(base)
    assert differ(records, "procedure=rank", "lora.r=4,8,16", "sweep.max_trials=40") == []
    assert sorted(differ(records, *base, "lora.bias=all", "lora.gain=4")) == [
        "lora.bias: none → all",
        "lora.gain: 2 → 4",
    ]
    assert differ(records, "procedure=learning_rate", "lora.r=8") == []  # its own axis, and what was one before
