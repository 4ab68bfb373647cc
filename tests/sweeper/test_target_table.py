"""A dry run shows what sets of target modules are in the base model at hand."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from made_up_scenes import llama, scene

from sweeper import model_facts, target_table
from sweeper.model_facts import ModelFacts


def stage(*values: Any, **more: Any) -> Any:
    return SimpleNamespace(
        **{"trials": [{"lora.target_modules": value} for value in values], "vary": {}, "hold": {}, **more}
    )


@pytest.fixture(autouse=True)
def at_hand(monkeypatch: pytest.MonkeyPatch) -> list[ModelFacts | None]:
    """The model whose files are at hand."""
    there: list[ModelFacts | None] = [llama()]
    monkeypatch.setattr(model_facts, "read", lambda model: there[0])
    return there


def test_each_set_is_told_with_its_roles_and_numbers() -> None:
    found = target_table.found([stage("qv", "attention_mlp", "all-linear", ["k_proj"])], scene().config)
    assert [one.modules for one in found] == [32, 112, 112, 16]
    assert found[0].numbers_per_rank == 16 * (2048 + 2048 + 2048 + 512)
    assert found[0].kinds == "q_proj (q), v_proj (v)" and found[3].kinds == "k_proj"
    assert [one.same_as for one in found] == ["", "", "attention_mlp", ""]
    rows = target_table.rows(found)
    assert rows[2]["Same as"] == "attention_mlp" and rows[3]["lora.target_modules"] == "[k_proj]"


def test_a_role_that_a_model_lacks_is_said(at_hand: list[ModelFacts | None]) -> None:
    linear = {f"h.0.{name}": (8, 8) for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")}
    at_hand[0] = dataclasses.replace(llama(), linear=linear, config={"model_type": "gpt2"})
    (found,) = target_table.found([stage(vary={"lora.target_modules": ["qvo_mlp"]})], scene().config)
    assert found.kinds == "c_attn (q, k, v), attn.c_proj (o), c_fc (up), mlp.c_proj (down); no gate"


def test_where_nothing_is_compared_nothing_is_told(at_hand: list[ModelFacts | None]) -> None:
    assert target_table.found([stage(hold={"lora.target_modules": "all-linear"})], scene().config) == []
    at_hand[0] = None
    assert target_table.found([stage("qv")], scene().config) == []
