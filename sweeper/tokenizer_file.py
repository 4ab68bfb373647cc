"""Where a model's tokenizer lies on this machine; nothing is downloaded or built."""

from __future__ import annotations

import os
from pathlib import Path

from trainers import bundled, hub
from trainers.trial import Model

NAME = "tokenizer.json"


def tokenizer_file(model: Model) -> Path | None:
    """Returns a model's tokenizer.json.

    Args:
        model: A folder, a hub id, or the bundled model.

    Returns:
        The file; None where it is not here yet, and for models that have another kind of tokenizer.
    """
    if bundled.is_bundled(model.path):
        file = bundled.tiny_folder(model.cache_dir) / NAME
    elif hub.is_id(model.path):
        file = _snapshot(model.path, model.revision or "main") / NAME
    else:
        file = Path(model.path) / NAME
    return file if file.is_file() else None


def _snapshot(path: str, revision: str) -> Path:
    """Returns the folder that the hub's client keeps a model in, or would.

    `huggingface_hub.try_to_load_from_cache` says the same, but importing the client decides whether it works offline:
    before `trainers.hub.settle` was asked, it would try for half a minute later on.
    """
    folder = _hub_cache() / f"models--{path.replace('/', '--')}"
    reference = folder / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    return folder / "snapshots" / commit


def _hub_cache() -> Path:
    """Returns `huggingface_hub.constants.HF_HUB_CACHE`."""
    settings = os.environ
    home = settings.get("HF_HOME") or str(Path(settings.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")
    named = settings.get("HF_HUB_CACHE") or settings.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    return Path(os.path.expandvars(named)).expanduser()
