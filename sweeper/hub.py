"""Whether a model of the Hugging Face hub can be had, found before anything starts: its config.json is fetched."""

from __future__ import annotations

import functools
from pathlib import Path

from sweeper.validation import Problem
from trainers import bundled, hub
from trainers.trial import Model


def problem(model: Model) -> Problem | None:
    """Returns why a model cannot be had: no such id or revision, a licence, a login, the network.

    Args:
        model: A folder or a bundled model is no question here.
    """
    if bundled.is_bundled(model.path) or Path(model.path).exists():
        return None
    found = _why_not(model.path, model.revision)
    return None if found is None else Problem("model.path", model.path, *found)


@functools.cache
def _why_not(path: str, revision: str | None) -> tuple[str, str] | None:
    """Returns the rule and the remedy; None for a model that is there, or was downloaded before."""
    hub.settle()
    from huggingface_hub import errors, hf_hub_download

    try:
        hf_hub_download(path, "config.json", revision=revision)
    except (errors.HFValidationError, errors.EntryNotFoundError, OSError, ValueError) as error:
        return _words(error, path, revision)
    return None


def _words(error: Exception, path: str, revision: str | None) -> tuple[str, str]:
    from huggingface_hub import errors

    page = f"https://huggingface.co/{path}"
    words: dict[type[Exception], tuple[str, str]] = {
        errors.GatedRepoError: ("is gated", f"accept its licence at {page}, then `hf auth login` or HF_TOKEN"),
        errors.RevisionNotFoundError: (f"has no revision {revision}", f"a branch, tag or commit of {page}"),
        errors.RepositoryNotFoundError: (
            "is neither a folder here nor on the hub",
            "its id on the hub; a private one needs `hf auth login` or HF_TOKEN",
        ),
        errors.HFValidationError: ("is neither a folder here nor a hub id", "a folder with config.json, or org/name"),
        errors.LocalEntryNotFoundError: (
            "is no folder here, and the hub cannot be reached",
            f"a folder, or once with a network: hf download {path}",
        ),
        errors.EntryNotFoundError: ("has no config.json", "a model that transformers loads"),
    }
    said = " ".join(str(error).split())[:200]
    other = (f"cannot be had from the hub ({said})", f"a folder, or once: hf download {path}")
    return next((found for kind, found in words.items() if isinstance(error, kind)), other)
