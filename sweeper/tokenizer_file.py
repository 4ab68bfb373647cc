"""Where a model's tokenizer lies on this machine; nothing is downloaded or built."""

from __future__ import annotations

from pathlib import Path

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
