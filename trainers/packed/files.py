"""What a slot's state on disk consists of; imported without torch."""

from __future__ import annotations

from pathlib import Path

TENSORS, RUN = "slot.safetensors", "run.json"


def is_slot(state: Path) -> bool:
    """True for the folder of a slot's state."""
    return (state / TENSORS).is_file()
