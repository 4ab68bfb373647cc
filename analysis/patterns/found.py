"""Finds what each parameter of a sweep did, and what its design does not tell."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from analysis.json_tag import mapping
from analysis.patterns import adapter_scale
from analysis.patterns.confounding import confounded, groups
from analysis.patterns.design import design
from analysis.patterns.edges import edges
from analysis.patterns.effects import Reading, effects
from analysis.patterns.factors import Factor, factors
from analysis.patterns.fit import fit
from analysis.patterns.joint_effects import Joint, interactions, with_joint_effects
from analysis.patterns.limits import held, led, lost, seen_once, size, untested
from analysis.patterns.outcomes import counts, outcome_limits
from analysis.patterns.pattern import Patterns
from analysis.patterns.seed_error import SeedError, seed_error
from analysis.patterns.split import split
from analysis.patterns.spread import unequal_spread
from analysis.patterns.values import same
from analysis.ranking import Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import IMPORTANCES, TrialRow

MOST_PRUNED = 0.02
"""Share of pruned trials from which means are those of survivors, and no interval would be right (ours)."""


def found(sweep: RecordedSweep, ranking: Ranking) -> Patterns:
    """Returns what the parameters of a sweep did.

    Args:
        sweep: All its trials: those without a place show what failed and what was pruned.
        ranking: The configurations that are compared.
    """
    trials = [trial for trial in sweep.records.trials if not trial.is_reference and not trial.short]
    asked = [trial.params for trial in trials]
    scale = adapter_scale.scale(asked)
    varied = factors(asked, scale)
    compared = [place.configuration.params for place in ranking.places]
    placed = [factor for factor in varied if len({same(factor.value(params)) for params in compared}) > 1]
    always = [
        *(*scale.limits, *held(asked, varied, sweep.tags)),
        *(*outcome_limits(trials, varied), *lost(varied, asked, compared)),
    ]
    patterns = _with_effects(sweep, ranking, trials, placed) if placed else Patterns()
    return dataclasses.replace(patterns, limits=(*always, *patterns.limits), notes=scale.notes)


def _with_effects(
    sweep: RecordedSweep, ranking: Ranking, trials: Sequence[TrialRow], placed: Sequence[Factor]
) -> Patterns:
    splits = [split([factor.value(place.configuration.params) for place in ranking.places]) for factor in placed]
    seeds = seed_error([place.configuration for place in ranking.places], ranking.metric)
    model = design(splits)
    joint = with_joint_effects(fit(model, seeds), seeds)
    certain = sum(trial.outcome == "pruned" for trial in trials) <= MOST_PRUNED * len(trials)
    became = [counts(trials, factor, own) for factor, own in zip(placed, splits, strict=True)]
    inseparable = {at for group in groups(model) for at in group}
    separable = [at not in inseparable for at in range(len(placed))]
    told = effects(Reading(joint.fit, ranking.sign, certain), placed, separable, became, _importances(sweep.tags))
    return Patterns(
        effects=told,
        interactions=interactions(joint, placed) if certain else (),
        limits=(
            *confounded(model, placed),
            *size(joint, seeds),
            *seen_once(joint.fit, placed),
            *edges(ranking, placed, trials),
            *led(sweep, any(effect.ranges for effect in told)),
            *unequal_spread(joint.fit, placed),
        ),
        source=_source(joint, seeds, certain),
    )


def _importances(tags: Mapping[str, str]) -> dict[str, float]:
    """Returns Optuna's importances by key; none where they were not recorded, or cannot be read."""
    try:
        values = mapping(tags, IMPORTANCES).get("values", {})
        return {str(key): float(value) for key, value in values.items() if math.isfinite(float(value))}
    except (ValueError, TypeError, AttributeError):
        return {}


def _source(joint: Joint, seeds: SeedError, certain: bool) -> str:
    """Says how means and intervals came about."""
    fitted, pairs = joint.fit, len(joint.fit.design.blocks) - len(joint.fit.design.splits)
    means = (
        f"Means are least-squares means of an additive model{_PAIRS[pairs]} over {len(fitted.values)} configurations: "
        "what all of them would have on average with this value"
    )
    if seeds.kept:
        means += f", with the seeds that all of them ran with ({', '.join(map(str, seeds.kept))})"
    if not certain:
        return f"{means}. No intervals: trials were pruned by their value."
    return f"{means}. {_error(joint, seeds)}"


_PAIRS = ("", " with an interaction", " with two interactions", " with three interactions")


def _error(joint: Joint, seeds: SeedError) -> str:
    fitted = joint.fit
    if fitted.variance is None:
        return "No intervals: nothing is left over to tell chance from effect."
    what = {
        "left": "what the model leaves over, chance and the parameters' joint effects alike",
        "seeds": "what seeds of one configuration differ by",
        "both": "what the model leaves over and what seeds of one configuration differ by, pooled",
    }[fitted.error]
    more = "; what all trials of a seed share is left out of it" if seeds.crossed and fitted.error != "left" else ""
    more += _WIDER if fitted.error == "left" and untested(joint) else ""
    return (
        f"Intervals are 95 % (Student's t, degrees of freedom: {fitted.df}); their error is {what}: "
        f"a standard deviation of {math.sqrt(fitted.variance):.2g} per trial{more}."
    )


_WIDER = (
    "; joint effects could not be tested, so that intervals say what to expect at other values of the other "
    "parameters, and may be wider than need be for those that were run"
)
