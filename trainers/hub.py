"""The Hugging Face hub: what is an id of it, and whether anybody answers."""

from __future__ import annotations

import functools
import os
import re
import urllib.error
import urllib.request

from trainers.on_disk import is_there

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FILE = re.compile(r".*\.(jsonl?|csv|tsv|txt|parquet|arrow|xlsx?|ya?ml|gz|zip|zst|bz2|xz|bin|gguf)", re.IGNORECASE)
_TIMEOUT_S = 5


def is_id(path: str) -> bool:
    """True for what can only be a hub id: `org/name`, no file's name, nothing here and not in a folder here."""
    names = _ID.fullmatch(path) is not None and _FILE.fullmatch(path) is None
    return names and not is_there(path) and not is_there(path.partition("/")[0])


@functools.cache
def settle() -> None:
    """Tells the hub's client to work offline where nobody answers: it would try for half a minute, every time.

    Only before the client is imported does that work; processes started from here on inherit it.
    """
    if "HF_HUB_OFFLINE" in os.environ:
        return
    try:
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
        urllib.request.urlopen(endpoint, timeout=_TIMEOUT_S).close()
    except urllib.error.HTTPError:  # somebody answers
        return
    except (OSError, ValueError):
        os.environ["HF_HUB_OFFLINE"] = "1"
