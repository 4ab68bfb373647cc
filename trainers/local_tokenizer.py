"""A model's tokenizer from a folder, as training reads it; nothing is downloaded."""

from __future__ import annotations

import functools
import json
import logging
from pathlib import Path
from typing import Any

_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")

_ONE_FILE = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""What transformers calls a tokenizer that is its tokenizer.json and nothing else."""


def local_tokenizer(folder: Path, trust_remote_code: bool = False) -> Any | None:
    """Returns the transformers tokenizer in a folder.

    The first call imports transformers, and of most models torch with it, which takes three seconds.

    Args:
        folder: Where the model's files are, or would be.
        trust_remote_code: Whether the model may bring code of its own.

    Returns:
        The tokenizer; None where there is none, it cannot be read, or it has no end-of-sequence token.
    """
    return _read(folder, trust_remote_code) if any((folder / name).is_file() for name in _FILES) else None


@functools.cache
def _read(folder: Path, trust_remote_code: bool) -> Any | None:
    try:
        found = _reader(folder).from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception:  # whatever a broken file makes the libraries raise: training says so, and why
        logging.getLogger(__name__).debug("The tokenizer in %s cannot be read", folder, exc_info=True)
        return None
    return found if found.eos_token is not None else None


def _reader(folder: Path) -> Any:
    """Returns the class that reads a folder: AutoTokenizer, or the one it would take, which does without torch.

    Of Llamas alone: for some other architectures AutoTokenizer takes a class of its own, whatever the folder says
    (`MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS` in transformers 5.23).
    """
    told = _json(folder / "tokenizer_config.json")
    if told.get("tokenizer_class") in _ONE_FILE and "auto_map" not in told and _is_llama(folder):
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast
    from transformers import AutoTokenizer

    return AutoTokenizer


def _is_llama(folder: Path) -> bool:
    return bool(_json(folder / "config.json").get("model_type") == "llama")


def _json(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found if isinstance(found, dict) else {}
