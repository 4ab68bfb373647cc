"""The tokenizer that a model is trained with, where its files are on this machine; nothing is downloaded or built."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

from sweeper.model_folder import model_folder
from trainers.trial import Model

_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")


def own_tokenizer(model: Model) -> Any | None:
    """Returns a model's transformers tokenizer; None where it is not here, cannot be read, or cannot end a sequence.

    The first call imports transformers, which takes three seconds.
    """
    folder = model_folder(model)
    if not any((folder / name).is_file() for name in _FILES):
        return None
    return _read(folder, model.trust_remote_code)


@functools.cache
def _read(folder: Path, trust_remote_code: bool) -> Any | None:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception:  # whatever a broken file makes the libraries raise: training says so, and why
        logging.getLogger(__name__).debug("The tokenizer in %s cannot be read", folder, exc_info=True)
        return None
    return found if found.eos_token is not None else None
