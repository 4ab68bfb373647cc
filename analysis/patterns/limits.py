"""What a design leaves open, before any number is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.patterns.factors import DECIDES, Factor
from analysis.patterns.fit import Fit
from analysis.patterns.joint_effects import Joint
from analysis.patterns.pattern import Limit
from analysis.patterns.seed_error import SeedError
from analysis.patterns.split import split
from analysis.patterns.values import same, words
from analysis.recorded_sweep import RecordedSweep
from analysis.records import ORIGIN, SAMPLER

UNLED = frozenset({"grid", "random", "qmc", "procedure"})
"""Samplers that do not look at results; of a procedure's stages it is said in other words that they do."""

OF_INTEREST = (
    "lora.r",
    "lora.gain",
    "lora.dropout",
    "training.learning_rate",
    "training.lr_scheduler_type",
    "data.name",
)
"""What document 003 finds patterns of, and the learning rate, on which the others depend."""

FEW_DF = 5
"""Degrees of freedom below which intervals are wide for want of data: a t quantile is 2.8 at four, 2.0 at many."""


def held(trials: Sequence[Mapping[str, Any]], factors: Sequence[Factor], tags: Mapping[str, str]) -> list[Limit]:
    """Says what never varied: every given parameter of an imported sweep, else those of interest."""
    given = dict.fromkeys(key for params in trials for key in params if key.startswith(DECIDES))
    told = {key for factor in factors for key in (factor.key, *factor.told_with)}
    keys = (
        [key for key in given if key != "training.seed"]
        if ORIGIN in tags
        else [key for key in OF_INTEREST if key in given]
    )
    found = []
    for key in keys:
        values = {same(params.get(key)): params.get(key) for params in trials}
        if key not in told and len(values) == 1 and (value := next(iter(values.values()))) is not None:
            found.append(
                Limit(
                    "single_level", key, f"{key} was {words(value)} throughout, so that nothing is known of its effect"
                )
            )
    return found


def lost(
    varied: Sequence[Factor], asked: Sequence[Mapping[str, Any]], placed: Sequence[Mapping[str, Any]]
) -> list[Limit]:
    """Says which values were asked for but are in no configuration that can be compared; not of sampled numbers."""
    found = []
    for factor in varied if placed else ():
        levels, left = (
            split([factor.value(params) for params in asked]),
            {same(factor.value(params)) for params in placed},
        )
        gone = [text for value, text in zip(levels.values, levels.words, strict=True) if same(value) not in left]
        if len(left) < 2:
            sentence = (
                f"{factor.key}={_few(gone)} was tried, but the configurations that can be compared have one other "
                "value of it: nothing is known of its effect"
            )
            found.append(Limit("infeasible", factor.key, sentence))
        elif gone and levels.scaled is None:
            sentence = f"{factor.key}={_few(gone)} was tried, but no configuration with it can be compared"
            found.append(Limit("infeasible", factor.key, sentence))
    return found


def seen_once(fitted: Fit, factors: Sequence[Factor]) -> list[Limit]:
    """Says which values stand for one configuration."""
    found = []
    for factor, own in zip(factors, fitted.design.splits, strict=True):
        once = [text for text, count in zip(own.words, own.counts, strict=True) if count == 1]
        if once:
            which = _few(once)
            each = "one configuration only" if len(once) == 1 else "one configuration each"
            rest = "that of whatever else was set there" if len(factors) > 1 else "not to be told from chance"
            sentence = f"{factor.key}={which} completed in {each}: its effect is {rest}"
            found.append(Limit("seen_once", factor.key, sentence))
    return found


_SHOWN = 6


def _few(words: Sequence[str]) -> str:
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


_COEFFICIENTS = (
    "the mean and each level but one of every parameter",
    "the mean, each level but one of every parameter, and their joint effects",
)


def size(joint: Joint, seeds: SeedError) -> list[Limit]:
    """Says whether there are enough configurations and seeds."""
    fitted = joint.fit
    count = len(fitted.values)
    effects = fitted.design.matrix.shape[1] if fitted.left_df == 0 else count - fitted.left_df
    found = []
    if fitted.left_df == 0:
        rest = "chance is known from seeds alone" if seeds.df else "no effect can be told from chance"
        sentence = (
            f"{count} configurations for {effects} coefficients ({_COEFFICIENTS[bool(joint.found)]}): "
            f"nothing is left over, so {rest}"
        )
        found.append(Limit("few_points", "", sentence))
    elif fitted.df < FEW_DF:
        left = "1 degree" if fitted.df == 1 else f"{fitted.df} degrees"
        sentence = f"{count} configurations for {effects} coefficients leave {left} of freedom: intervals are wide"
        found.append(Limit("few_points", "", sentence))
    if seeds.df == 0:
        found.append(
            Limit(
                "no_seeds",
                "",
                "every configuration ran with one seed: chance cannot be told from joint effects that the model lacks",
            )
        )
    return found + untested(joint)


def untested(joint: Joint) -> list[Limit]:
    """Says for how many pairs of parameters nothing is known of what they do together."""
    count = len(joint.fit.design.splits)
    pairs = count * (count - 1) // 2
    left = pairs - len(joint.tested)
    if not left:
        return []
    which = (
        "whether the effect of one parameter depends on another"
        if left == pairs
        else f"for {left} of {pairs} pairs of parameters, whether they interact,"
    )
    return [Limit("untested", "", f"{which} could not be tested: too few combinations or seeds were run")]


def led(sweep: RecordedSweep, ranges: bool) -> list[Limit]:
    """Says whether results decided what was tried; `ranges` is true where values were sampled."""
    found = []
    ran = sum(not reason.startswith("skipped") and _ENDED not in reason for reason in sweep.records.decisions.values())
    if ran > 1:
        found.append(_STAGED.format(ran))
    sampler = sweep.tags.get(SAMPLER)
    leading = [
        name.upper() if name == "tpe" else name
        for name in (sampler or "").split(", then ")
        if name and name not in UNLED
    ]
    if leading:
        found.append(f"{' and '.join(leading)} {_LED}")
    elif sampler is None and ranges:
        found.append(_PERHAPS_LED)
    return [Limit("adaptive", "", words) for words in found]


_ENDED = "is used up"
"""In the reason of a stage that did not begin, as the budget was spent."""

_STAGED = (
    "the sweep ran in {} stages, the later at what the earlier chose: parameters were not varied around every value of "
    "the others, and a value that was lucky once is looked at more often"
)
_LED = "proposed values by the results before them: good regions were tried more often, and intervals ignore that"
_PERHAPS_LED = (
    "values were sampled, and the records do not say how: if earlier results led the sampler, good regions were tried "
    "more often, and intervals ignore that"
)
