"""What became of the trials at each level: those that did not end show a parameter's effect, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.patterns.factors import Factor
from analysis.patterns.pattern import Limit
from analysis.patterns.split import Split
from analysis.records import TrialRow

FAILED = frozenset({"failed", "diverged", "out_of_memory", "dead_gradient", "stagnant_evaluation"})
"""Outcomes without a value to compare (docs/records.md)."""

SURE = 0.05
"""Significance from which outcomes are said to depend on a parameter, corrected for the parameters (Bonferroni)."""


@dataclass(frozen=True)
class Count:
    """Trials asked for, and how many of them were pruned or failed."""

    trials: int = 0
    pruned: int = 0
    failed: int = 0


def counts(trials: Sequence[TrialRow], factor: Factor, split: Split) -> list[Count]:
    """Returns what became of the trials at each level."""
    at = [split.level(factor.value(trial.params)) for trial in trials]
    return [
        _count(trial for trial, own in zip(trials, at, strict=True) if own == level)
        for level in range(len(split.values))
    ]


def _count(trials: Iterable[TrialRow]) -> Count:
    outcomes = [trial.outcome for trial in trials]
    return Count(len(outcomes), outcomes.count("pruned"), sum(outcome in FAILED for outcome in outcomes))


def outcome_limits(trials: Sequence[TrialRow], factors: Sequence[Factor]) -> list[Limit]:
    """Says how many trials failed or were pruned, and at which levels more than elsewhere."""
    found = []
    failed = [trial for trial in trials if trial.outcome in FAILED]
    pruned = [trial for trial in trials if trial.outcome == "pruned"]
    for kind, some, what in (("infeasible", failed, _kinds(failed)), ("pruned", pruned, _PRUNED)):
        if not some:
            continue
        share = f"{len(some)} of {len(trials)} trials ({100 * len(some) / len(trials):.0f} %)"
        found.append(Limit(kind, "", f"{share} {what}"))
        found += _concentrated(kind, trials, some, factors)
    return found


_PRUNED = (
    "were stopped early for being worse than others: what is left was chosen by its value, so that means are those of "
    "survivors, differences look smaller than they are, and no interval is stated"
)


def _kinds(failed: Sequence[TrialRow]) -> str:
    kinds = sorted({trial.outcome for trial in failed})
    each = ", ".join(f"{sum(trial.outcome == kind for trial in failed)} {kind.replace('_', ' ')}" for kind in kinds)
    return f"have no value to compare ({each}); means say nothing about them"


def _concentrated(
    kind: str, trials: Sequence[TrialRow], some: Sequence[TrialRow], factors: Sequence[Factor]
) -> list[Limit]:
    """Says at which levels an outcome is more frequent than chance would have it."""
    chosen = {trial.trial for trial in some}
    verb = "were pruned" if kind == "pruned" else "failed"
    found = []
    for factor in factors:
        table = _table(trials, chosen, factor)
        if table is None or _p(table) * len(factors) >= SURE:
            continue
        shares = "; ".join(f"{factor.key}={words}: {bad} of {bad + good}" for words, bad, good in table)
        found.append(Limit(kind, factor.key, f"how many trials {verb} depends on {factor.key} ({shares})"))
    return found


Row = tuple[str, int, int]


def _table(trials: Sequence[TrialRow], chosen: set[str], factor: Factor) -> list[Row] | None:
    """Returns bad and good trials by level, None where all are in one."""
    from analysis.patterns.split import split

    levels = split([factor.value(trial.params) for trial in trials])
    bad = [0] * len(levels.values)
    for trial, at in zip(trials, levels.at, strict=True):
        bad[at] += trial.trial in chosen
    rows = [(words, own, int(all_) - own) for words, own, all_ in zip(levels.words, bad, levels.counts, strict=True)]
    return rows if len(rows) > 1 else None


def _p(rows: Sequence[Row]) -> float:
    """Returns the p of an even share: Fisher's exact test of the level with the largest share against the rest."""
    from scipy import stats

    bad, good = sum(row[1] for row in rows), sum(row[2] for row in rows)
    worst = max(rows, key=lambda row: row[1] / max(1, row[1] + row[2]))
    test = stats.fisher_exact([[worst[1], worst[2]], [bad - worst[1], good - worst[2]]], "greater")
    return min(1.0, float(test.pvalue) * len(rows))
