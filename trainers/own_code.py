"""Models that bring code or pickles of their own: neither runs unless asked for by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainers.trial import Model

CODE_RULE = "holds code of its own, which would run on this machine"
CODE_REMEDY = "model.trust_remote_code=true, once you have read it"


def needs_code(model: Model) -> bool:
    """True for a local folder that only its own code can load, and that nobody has trusted.

    A folder can name code of its own for a kind of model that transformers has itself: that one is loaded.
    """
    config = _config(Path(model.path))
    if model.trust_remote_code or "auto_map" not in config:
        return False
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return config.get("model_type") not in CONFIG_MAPPING_NAMES


def holds_pickles_alone(folder: Path) -> bool:
    """True for a folder whose weights are pickles: reading one runs what stands in it."""
    pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth"))
    return pickled and not any(folder.glob("*.safetensors"))


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
