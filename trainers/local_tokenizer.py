"""A model's tokenizer from a folder, as training reads it; nothing is downloaded."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")


def local_tokenizer(folder: Path, trust_remote_code: bool = False) -> Any | None:
    """Returns the transformers tokenizer in a folder.

    The first call imports transformers, which takes three seconds.

    Args:
        folder: Where the model's files are, or would be.
        trust_remote_code: Whether the model may bring code of its own.

    Returns:
        The tokenizer; None where there is none, it cannot be read, or it has no end-of-sequence token.
    """
    return _read(folder, trust_remote_code) if any((folder / name).is_file() for name in _FILES) else None


@functools.cache
def _read(folder: Path, trust_remote_code: bool) -> Any | None:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception:  # whatever a broken file makes the libraries raise: training says so, and why
        logging.getLogger(__name__).debug("The tokenizer in %s cannot be read", folder, exc_info=True)
        return None
    return found if found.eos_token is not None else None
