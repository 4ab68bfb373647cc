"""How far values lie apart by chance, and how that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.chance import Chance
from analysis.configuration import Configuration
from analysis.studentized_range import quantile

Known = Literal["seeds", "stated", "assumed", "unknown"]


@dataclass(frozen=True)
class Noise:
    """How far values lie apart by chance, and how that is known.

    Attributes:
        known: `seeds`: estimated from repeated seeds; `stated`: somebody said it (--noise), besides which the seeds'
            test holds where `sd` is known; `assumed`: the sweep's setting `sweep.noise`; `unknown`: nobody says
            anything, so that nothing but equal values is tied and nothing is certain.
        size: The difference up to which two configurations of one trial each are tied, in the metric's unit; None where
            it is unknown.
        source: In words, for the report.
        sd: The standard deviation of one trial over seeds; None where there are no seeds.
        df: Its effective degrees of freedom.
    """

    known: Known
    size: float | None
    source: str
    sd: float | None = None
    df: float | None = None


def noise(
    configurations: Sequence[Configuration],
    found: Chance | None,
    *,
    stated: float | None = None,
    share: float | None = None,
    best: float | None = None,
) -> Noise:
    """Says what is known of chance, the best knowledge first: stated, seeds, assumed, nothing.

    Args:
        configurations: Those that take a place.
        found: What their seeds tell.
        stated: The smallest difference that counts, in the metric's unit.
        share: The same as a share of the best value, where nothing else is known.
        best: The best value.
    """
    sd, df = (None, None) if found is None else (math.sqrt(found.model.within), found.model.df)
    repeated = "" if found is None else _repeated(configurations, found)
    if stated is not None:
        besides = f"; besides, {repeated}" if repeated else ""
        return Noise("stated", stated, f"noise stated: ±{stated:g}{besides}", sd, df)
    if found is not None:
        return Noise("seeds", _between_two(found), f"noise from seeds: {repeated}", sd, df)
    why = "one seed each" if all(len(item.trials) == 1 for item in configurations) else "seeds change nothing"
    if share is not None and best is not None:
        size = share * abs(best)
        return Noise("assumed", size, f"{why}, noise assumed: sweep.noise={share:g} of the best (±{size:.2g})")
    return Noise("unknown", None, f"{why}, and no noise stated (--noise): nothing is known of chance")


def _between_two(found: Chance) -> float | None:
    """Returns the difference up to which single trials of one seed are tied."""
    count = len(found.df)
    return quantile(count, found.model.paired_df) * math.sqrt(found.model.paired) if count > 1 else None


def _repeated(configurations: Sequence[Configuration], found: Chance) -> str:
    sd = f"a trial's standard deviation {math.sqrt(found.model.within):.2g}"
    without = f", {math.sqrt(found.model.paired):.2g} without what a seed does to all" if found.model.is_paired else ""
    return f"{seeds_in_words(configurations)}, {sd}{without}{_apart(configurations, found)}"


def seeds_in_words(configurations: Sequence[Configuration]) -> str:
    """Returns how many seeds there are: `3 seeds each`, or `2 to 5 seeds of 4 of 10 configurations`."""
    counts = sorted(len(item.trials) for item in configurations if len(item.trials) > 1)
    if not counts:
        return "one seed each"
    seeds = f"{counts[0]} seeds" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]} seeds"
    if len(counts) == len(configurations):
        return f"{seeds} each"
    return f"{seeds} of {len(counts)} of {len(configurations)} configurations"


def _apart(configurations: Sequence[Configuration], found: Chance) -> str:
    names = [configurations[row].name for row in found.apart]
    if not names:
        return ""
    if len(names) == sum(len(item.trials) > 1 for item in configurations):
        return "; spreads differ, so each is judged by its own"
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"; judged by their own spread, clearly larger than the others': {told}"
