"""What the tiny model reads."""

from __future__ import annotations

from pydoc_data.topics import topics

from trainers import bundled, sources


def sentences() -> list[str]:
    """Returns the texts of the bundled training rows; their labels stay unread."""
    return [str(row["text"]) for row in sources.file_rows(bundled.data_path("bundled:emotion/train.jsonl"))]


def documentation() -> list[str]:
    """Returns the 79 or so topics of Python's own `help()`, half a million characters of prose on every machine."""
    return [topics[name] for name in sorted(topics)]
