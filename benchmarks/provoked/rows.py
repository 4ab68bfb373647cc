"""Small, imbalanced and mislabelled training rows, made of the bundled sentences."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

from trainers.bundled import data_path

Row = dict[str, str]

_TRAIN = "bundled:emotion/train.jsonl"


def write(folder: Path, counts: Mapping[str, int], seed: int = 0, mislabelled: float = 0.0) -> Path:
    """Writes training rows to a file whose name says what they are, so that trials on equal rows share it.

    Args:
        folder: Where the file will be.
        counts: How many rows of each label; labels not named have none.
        seed: Which rows are drawn, and which get another label.
        mislabelled: The share of rows whose label is drawn from the others.

    Returns:
        The file.
    """
    dice = random.Random(seed)
    rows = _drawn(counts, dice)
    labels = sorted(counts)
    for row in dice.sample(rows, round(mislabelled * len(rows))):
        row["label"] = dice.choice([label for label in labels if label != row["label"]])
    listed = "-".join(f"{label}{count}" for label, count in sorted(counts.items()))
    path = folder / f"{listed}-{seed}-{mislabelled}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _drawn(counts: Mapping[str, int], dice: random.Random) -> list[Row]:
    every = [json.loads(line) for line in Path(data_path(_TRAIN)).read_text().splitlines()]
    drawn = [
        row
        for label, count in sorted(counts.items())
        for row in dice.sample([row for row in every if row["label"] == label], count)
    ]
    dice.shuffle(drawn)
    return drawn
