"""The tokenizer that a model is trained with, where its files are on this machine; nothing is downloaded or built."""

from __future__ import annotations

from typing import Any

from sweeper.model_folder import model_folder
from trainers.local_tokenizer import local_tokenizer
from trainers.trial import Model


def own_tokenizer(model: Model) -> Any | None:
    """Returns a model's transformers tokenizer; None where it is not here, or cannot be used."""
    return local_tokenizer(model_folder(model), model.trust_remote_code)
