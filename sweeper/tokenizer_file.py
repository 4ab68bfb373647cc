"""A model's tokenizer as a file on this machine; nothing is downloaded or built, and transformers stays out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweeper.model_folder import model_folder
from trainers.trial import Model

NAME = "tokenizer.json"


def tokenizer_file(model: Model) -> Path | None:
    """Returns a model's tokenizer.json.

    Args:
        model: A folder, a hub id, or the bundled model.

    Returns:
        The file; None where it is not here yet, and for models that have another kind of tokenizer.
    """
    file = model_folder(model) / NAME
    return file if file.is_file() else None


def opened(file: Path) -> Any | None:
    """Returns the `tokenizers.Tokenizer` in a file, which neither cuts nor pads; None where it cannot be read."""
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception:  # noqa: BLE001 - the library raises nothing more particular for a file it cannot read
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
