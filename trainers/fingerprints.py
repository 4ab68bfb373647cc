"""Short hashes of what numbers depend on, so that numbers of two sweeps are compared only where these agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

VALIDATION, TOKENIZER = "data.validation", "tokenizer"
"""The facts of a trial: of the rows it is evaluated on, and of its tokenizer."""

_DIGITS = 12

# What a call sets in a fast tokenizer, and is no part of how it tokenizes (tokenizers: Tokenizer.to_str).
_STATE = ("truncation", "padding")


def of_texts(texts: Iterable[tuple[str, str, int | None]]) -> str:
    """Hashes rendered rows.

    Args:
        texts: Prompt and completion of each row in their order, and how many of its tokens were kept, None for all.
    """
    digest = hashlib.sha256()
    for row in texts:
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()[:_DIGITS]


def of_tokenizer(tokenizer: Any) -> str:
    """Hashes how a transformers tokenizer tokenizes, wherever it was read from."""
    digest = hashlib.sha256(str(tokenizer.eos_token).encode())
    for part in _parts(tokenizer):
        digest.update(part)
    return digest.hexdigest()[:_DIGITS]


def _parts(tokenizer: Any) -> Iterator[bytes]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        plain = {key: value for key, value in json.loads(backend.to_str()).items() if key not in _STATE}
        yield json.dumps(plain, sort_keys=True).encode()
        return
    yield type(tokenizer).__name__.encode()
    yield json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()
    yield repr(sorted(getattr(tokenizer, "bpe_ranks", {}).items())).encode()
    if (pieces := getattr(tokenizer, "sp_model", None)) is not None:
        yield pieces.serialized_model_proto()
