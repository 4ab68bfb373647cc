"""Which trainer can go on from whose state."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers import registry
from trainers.durable import sealed
from trainers.packed import state


def test_states_are_known_by_who_left_them(tmp_path: Path) -> None:
    state.save(tmp_path / "slot", 3, {}, {"a": torch.zeros(1)})
    with sealed(tmp_path / "checkpoint/3") as checkpoint:
        (checkpoint / "optimizer.pt").touch()
    slot, checkpoint, none = (tmp_path / name / "3" for name in ("slot", "checkpoint", "none"))
    assert [registry.goes_on_from("auto", item) for item in (slot, checkpoint, none)] == [True, True, False]
    assert [registry.goes_on_from("sft", item) for item in (slot, checkpoint, none)] == [False, True, False]
