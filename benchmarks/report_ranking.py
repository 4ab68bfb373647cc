"""What the report says of places, on sweeps whose truth is known: coverage of its intervals, and false wins.

Run: python -m benchmarks.report_ranking
Values are drawn as value = configuration + what the seed does to all + rest, the rest having standard deviation 1, in
every setting below. *Interval*: how often a configuration's 95 % interval holds its true mean over seeds. *All pairs*:
how often the intervals of all differences hold at once. *Lead*: how often that of the winner's lead over place 2 does.
*Untied*: how often equal configurations are not all tied. *False win*: how often one of equal configurations wins
alone. *Luck*: how far the winner's mean is from its true mean, and how far is what the report expects on new seeds.
Wanted: intervals 90-98 %, false wins under 5 %.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.chance import chance
from analysis.flattery import FEWEST, expected_on_new_seeds
from analysis.noise import Noise
from analysis.ranking import Place, Ranking, ranked
from analysis.records import SweepRecords, TrialRow
from analysis.seed_model import Array
from benchmarks.markdown import table

REPETITIONS = 100
SEED = 8
COUNTS, SEEDS = (2, 3, 5, 10, 30), (2, 3, 5)


@dataclass(frozen=True)
class Setting:
    """A kind of sweep.

    Attributes:
        name: In words.
        common: Standard deviation of what a seed does to all configurations alike.
        unstable: Standard deviation of the first configuration's rest.
        spread: Of the logarithms of all configurations' standard deviations.
        single: Share of the configurations that have one seed.
        means: Standard deviation of the true means.
    """

    name: str
    common: float = 0.0
    unstable: float = 1.0
    spread: float = 0.0
    single: float = 0.0
    means: float = 0.0


SETTINGS = (
    Setting("independent seeds, equal means"),
    Setting("seeds do some to all, equal means", common=1.0),
    Setting("seeds do much to all, equal means", common=5.0),
    Setting("means differ", common=1.0, means=2.0),
    Setting("half have one seed", common=1.0, single=0.5),
    Setting("one spreads 10 times as far", unstable=10.0),
    Setting("one spreads 10 times as far, seeds do much", common=5.0, unstable=10.0),
    Setting("all spread differently (log SD 0.5)", spread=0.5),
)


@dataclass(frozen=True)
class Drawn:
    """A sweep and its truth; rows of `values` are configurations, NaN where a seed was not trained."""

    values: Array
    means: Array
    common: Array


def drawn(setting: Setting, count: int, seeds: int, rng: np.random.Generator) -> Drawn:
    """Draws a sweep."""
    sizes = np.exp(setting.spread * rng.normal(size=count))
    sizes[0] *= setting.unstable
    common = setting.common * rng.normal(size=seeds)
    means = setting.means * rng.normal(size=count)
    values = means[:, None] + common[None, :] + sizes[:, None] * rng.normal(size=(count, seeds))
    values[count - int(setting.single * count) :, 1:] = np.nan
    return Drawn(values, means, common)


@dataclass(frozen=True)
class Outcome:
    """What is said of one sweep; None where the setting has no truth for it."""

    interval: float
    all_pairs: bool
    lead: bool
    untied: bool | None
    alone: bool | None
    luck: float | None
    corrected: float | None


def outcome(sweep: Drawn) -> Outcome | None:
    """Compares what is said with the truth; None where seeds say nothing."""
    found = chance(sweep.values)
    if found is None:
        return None
    values = np.nanmean(sweep.values, axis=1)
    order = np.argsort(values, kind="stable")
    error = np.abs((values[:, None] - values[None, :]) - (sweep.means[:, None] - sweep.means[None, :]))
    critical = found.critical()
    np.fill_diagonal(critical, np.inf)
    held = error <= critical
    first, second = order[0], order[1]
    apart = np.abs(values[:, None] - values[None, :]) > critical
    equal = not sweep.means.any()
    luck, corrected = _luck(sweep) if len(values) >= FEWEST else (None, None)
    return Outcome(
        interval=float((np.abs(values - sweep.means) <= found.half_widths).mean()),
        all_pairs=bool(held.all()),
        lead=bool(held[first, second]),
        untied=bool(apart.any()) if equal else None,
        alone=bool(apart[first].sum() == len(values) - 1) if equal else None,
        luck=luck,
        corrected=corrected,
    )


def _luck(sweep: Drawn) -> tuple[float, float]:
    """Returns how far the winner's mean is from its truth with the same seeds, as measured and corrected."""
    values = np.nanmean(sweep.values, axis=1)
    order = np.argsort(values, kind="stable")
    ordered = sweep.values[order]
    places = tuple(Place(row + 1, _NOBODY, float(values[at])) for row, at in enumerate(order))
    ranking = Ranking("eval_loss", "minimize", places, Noise("seeds", None, ""), chance(ordered))
    known = ~np.isnan(ordered[0])
    truth = float(sweep.means[order[0]] + sweep.common[known].mean())
    return values[order[0]] - truth, (expected_on_new_seeds(ranking) or 0.0) - truth


def _trial(row: int, seed: int, value: float) -> TrialRow:
    params = {"lora.r": row + 1, "training.seed": seed}
    return TrialRow(
        row * 100 + seed, f"exp{row}_{seed}", "complete", "", False, params, {"eval_loss": value}, (), f"{row}.{seed}"
    )


_NOBODY = ranked(SweepRecords("one", "eval_loss", "minimize", [_trial(0, 0, 1.0)])).places[0].configuration


def rows(setting: Setting, counts: Sequence[int], seeds: Sequence[int], repetitions: int) -> Iterator[list[str]]:
    """Returns a line of the table per number of seeds, over all numbers of configurations."""
    rng = np.random.default_rng(SEED)
    for each in seeds:
        found = [
            told
            for count in counts
            for _ in range(repetitions)
            if (told := outcome(drawn(setting, count, each, rng))) is not None
        ]
        yield [f"{setting.name}; {each} seeds", *_figures(found)]


def _figures(found: Sequence[Outcome]) -> list[str]:
    kept = ("interval", "all_pairs", "lead", "untied", "alone")
    shares = [[float(value) for item in found if (value := getattr(item, name)) is not None] for name in kept]
    means = [[value for item in found if (value := getattr(item, name)) is not None] for name in ("luck", "corrected")]
    percent = [f"{100 * np.mean(values):.1f} %" if values else "" for values in shares]
    return [*percent, *(f"{np.mean(values):+.2f}" if values else "" for values in means)]


def main(arguments: Sequence[str]) -> None:
    repetitions = int(arguments[0]) if arguments else REPETITIONS
    header = ["Setting", "interval", "all pairs", "lead", "untied", "false win", "luck", "corrected"]
    lines = [line for setting in SETTINGS for line in rows(setting, COUNTS, SEEDS, repetitions)]
    print(f"{repetitions} sweeps each of {', '.join(map(str, COUNTS))} configurations\n")
    print(table(header, lines))
    by_count = [
        [f"{count} configurations", *line[1:]]
        for count in COUNTS
        for line in rows(SETTINGS[1], (count,), (3,), repetitions)
    ]
    print(f"\n{SETTINGS[1].name}; 3 seeds\n\n{table(['', *header[1:]], by_count)}")


if __name__ == "__main__":
    main(sys.argv[1:])
