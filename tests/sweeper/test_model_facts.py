"""A model's files are anybody's: what is wrong with them ends in no facts, soon."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from made_up_scenes import llama, scene

from sweeper import model_facts
from sweeper.checks import CHECKS
from sweeper.model_facts import facts_of
from trainers.trial import Model

NAME = "model.layers.0.self_attn.q_proj.weight"


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def shaped(shape: str) -> bytes:
    return header(f'{{"{NAME}": {{"shape": {shape}}}}}'.encode())


@pytest.mark.parametrize(
    "weights",
    [
        b"\x01\x02",
        struct.pack("<Q", 2**63 - 1) + b"{}",
        struct.pack("<Q", 2**36) + b"{}",
        header(b"[1, 2]"),
        header(b"[" * 200_000),
        shaped('["a", "b"]'),
        shaped("5"),
        shaped("[-5, 10]"),
        shaped("[1000000000000000000000, 10]"),
    ],
    ids=["cut", "endless", "huge", "list", "nested", "words", "number", "negative", "beyond"],
)
def test_broken_weights_are_no_facts(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert model_facts.read(Model("m", str(tmp_path))) is None


@pytest.mark.parametrize("config", [b"[" * 200_000, b"[1]", b"\xff\xfe"], ids=["nested", "list", "bytes"])
def test_a_broken_configuration_is_no_facts(tmp_path: Path, config: bytes) -> None:
    (tmp_path / "config.json").write_bytes(config)
    (tmp_path / "model.safetensors").write_bytes(shaped("[4, 4]"))
    assert model_facts.read(Model("m", str(tmp_path))) is None


def test_only_files_are_read_since_others_may_have_no_end(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    os.mkfifo(tmp_path / "model.safetensors")
    assert model_facts.read(Model("m", str(tmp_path))) is None
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "/dev/zero"}}))
    assert model_facts.read(Model("m", str(tmp_path))) is None


@pytest.mark.parametrize(
    "own",
    [
        {"hidden_size": "wide"},
        {"num_attention_heads": [32, 16]},
        {"num_key_value_heads": [8] * 16},
        {"head_dim": -1},
        {"layer_types": 5},
        {"layer_types": [None] * 16},
        {"layer_types": ["sliding_attention"] * 16, "sliding_window": "all"},
    ],
    ids=str,
)
def test_no_check_stumbles_over_a_strange_configuration(own: dict[str, object]) -> None:
    plain = llama()
    strange = facts_of(plain.shapes, {**plain.config, **own})
    assert strange is not None
    shown = scene(model=strange)
    assert [list(check(shown)) is not None for check in CHECKS]
