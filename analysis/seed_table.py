"""The values of a sweep as a table: a row per configuration, a column per seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from analysis.configuration import SEED, Configuration

Array = np.ndarray[Any, np.dtype[np.float64]]


def seed_table(configurations: Sequence[Configuration], metric: str) -> Array:
    """Returns the values, NaN where a configuration was not trained with a seed.

    Every column is a block: what a seed does to all configurations alike. A seed that is not known, or that one
    configuration has twice, is a block of its own.
    """
    rows = [_blocks(index, configuration) for index, configuration in enumerate(configurations)]
    columns = {block: column for column, block in enumerate(dict.fromkeys(block for row in rows for block in row))}
    table = np.full((len(rows), len(columns)), np.nan)
    for index, (configuration, row) in enumerate(zip(configurations, rows, strict=True)):
        table[index, [columns[block] for block in row]] = configuration.values(metric)
    return table


def _blocks(index: int, configuration: Configuration) -> list[Hashable]:
    seen: Counter[Any] = Counter()
    blocks: list[Hashable] = []
    for trial in configuration.trials:
        seed = trial.params.get(SEED)
        blocks.append((seed,) if isinstance(seed, int) and not seen[seed] else (index, len(blocks)))
        seen[str(seed) if not isinstance(seed, int) else seed] += 1
    return blocks
