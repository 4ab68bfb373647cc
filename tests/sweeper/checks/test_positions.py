"""Positions of the base model: a table ends, rotary ones were made for so many."""

from __future__ import annotations

import dataclasses

import pytest
from made_up_scenes import llama, scene

from sweeper.checks import length
from sweeper.checks.positions import check
from sweeper.lengths import COUNTED, ESTIMATED, Lengths
from sweeper.scene import Scene


def long(*, table: bool, source: str = COUNTED, max_length: int = 4_096, limit: int = 1_024) -> Scene:
    model = llama(max_position_embeddings=limit)
    if table:
        model = dataclasses.replace(model, shapes={**model.shapes, "transformer.wpe.weight": (limit, 2_048)})
    made = scene(model=model, max_length=max_length)
    tokens = Lengths(900.0, 900, 3_000, 3_000, 3_000, source, truncated=0.2)
    return dataclasses.replace(made, facts=dataclasses.replace(made.facts, rows=100, tokens=tokens))


@pytest.mark.parametrize(
    ("table", "source", "severity"),
    [(True, COUNTED, "error"), (True, ESTIMATED, "warning"), (False, COUNTED, "warning")],
)
def test_longer_than_the_positions(*, table: bool, source: str, severity: str) -> None:
    (found,) = check(long(table=table, source=source))
    assert (found.severity, found.remedy) == (severity, "training.max_length=1024")
    assert "3,000 tokens" in found.number and "1,024" in found.number


def test_what_is_cut_to_the_positions_fits() -> None:
    assert list(check(long(table=True, max_length=1_024))) == []
    assert list(check(long(table=True, limit=8_192))) == []


@pytest.mark.parametrize(
    ("limit", "remedy"),
    [(8_192, "training.max_length=4096"), (1_024, "training.max_length=1024"), (512, "shorter rows in data.path")],
)
def test_no_length_is_advised_that_the_model_does_not_have(limit: int, remedy: str) -> None:
    found = [item for item in length.check(long(table=True, max_length=512, limit=limit)) if "are cut" in item.number]
    assert [item.remedy for item in found] == [remedy]
