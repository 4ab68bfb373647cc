"""What comes with the tool: the emotion sentences, and the recipe of the tiny model."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path

SCHEME = "bundled:"
_HERE = Path(__file__).parent


def is_bundled(path: str) -> bool:
    """True for `bundled:tiny` and the like."""
    return path.startswith(SCHEME)


def data_path(path: str) -> Path:
    """Returns the file behind a data path, `bundled:` or ordinary."""
    return _HERE / "bundled" / path.removeprefix(SCHEME) if is_bundled(path) else Path(path)


@functools.cache
def tiny_fingerprint() -> str:
    """Hashes everything that the tiny model is made of: its recipe, its text's source, and the libraries' versions."""
    digest = hashlib.sha256()
    for file in [*sorted((_HERE / "tiny").glob("*.py")), data_path("bundled:emotion/train.jsonl")]:
        digest.update(file.read_bytes())
    versions = [
        platform.python_version(),
        *(metadata.version(name) for name in ("torch", "tokenizers", "transformers")),
    ]
    digest.update(" ".join(versions).encode())
    return digest.hexdigest()[:12]


def tiny_folder(cache_dir: str) -> Path:
    """Returns where the tiny model is, or will be once it is built."""
    return Path(cache_dir) / f"tiny-{tiny_fingerprint()}"
