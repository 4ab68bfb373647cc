"""Where a model's files lie on this machine; nothing is downloaded or built."""

from __future__ import annotations

import os
from pathlib import Path

from trainers import bundled, hub
from trainers.trial import Model


def model_folder(model: Model) -> Path:
    """Returns the folder of a model's files, or the one where they would be.

    Args:
        model: A folder, a hub id, or the bundled model.
    """
    if bundled.is_bundled(model.path):
        return bundled.tiny_folder(model.cache_dir)
    if hub.is_id(model.path):
        return _snapshot(model.path, model.revision or "main")
    return Path(model.path)


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
