"""What a well-formed procedure asks for that cannot be: later stages, unknown words, keys that contradict others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sweeper.candidates import SEED
from sweeper.choosing import ARGUMENTS, RULES
from sweeper.conditions import CONDITIONS, RUN_CONDITIONS
from sweeper.names import close
from sweeper.priors import PRIORS
from sweeper.procedure import GROUP, Bounded, Derived, Neighbours, Procedure, Stage, When
from sweeper.validation import Problem


def nonsense(procedure: Procedure, known: Sequence[str]) -> Iterator[Problem]:
    """Finds what a procedure cannot mean.

    Args:
        procedure: Well-formed.
        known: The dotted keys of a trial's parameters, and the config groups that can be varied.
    """
    names = list(procedure.stages)
    for index, (name, stage) in enumerate(procedure.stages.items()):
        place = f"{GROUP}.stages.{name}"
        for key, other in stage.refers:
            if other not in names[:index]:
                rule = "is a later stage" if other in names else "there is no such stage"
                yield Problem(f"{place}.{key}", other, rule, close(other, names[:index]))
        yield from _no_rule(f"{place}.choose", stage)
        for number, item in enumerate(stage.when):
            yield from _no_condition(f"{place}.when.{number}", item, known)
        yield from _contradictions(place, stage, procedure)
        yield from _unknown(place, stage, known)
    for key in procedure.hold:
        if not _is_known(key, known):
            yield _no_parameter(f"{GROUP}.hold", key, known)


def _contradictions(place: str, stage: Stage, procedure: Procedure) -> Iterator[Problem]:
    """Finds keys of a stage that do not go together."""
    for word, keys in (("extend", stage.extend), ("walk", [stage.walk] if stage.walk else [])):
        for key in keys:
            if key not in stage.vary:
                yield Problem(f"{place}.{word}", key, "the stage does not vary it", close(key, stage.vary))
            elif not _has_numbers(stage.vary[key]):
                yield Problem(f"{place}.{word}", key, "goes from number to number, and these are none", f"no {word}")
    if stage.takes and stage.equal_parameters:
        yield Problem(f"{place}.takes", stage.takes, "equal_parameters says already what runs again", "one of the two")
    if stage.budget.share is not None and stage.budget.steps is not None:
        yield Problem(f"{place}.budget", "share and steps", "a length is given once", "{steps: 200} or {share: 0.1}")
    for key in sorted({key for case in stage.cases for key in case} & set(stage.vary)):
        yield Problem(f"{place}.vary.{key}", "…", "the cases set it already", "one of the two")
    if stage.seeds > 1 and SEED in stage.vary:
        yield Problem(f"{place}.vary.{SEED}", "…", f"seeds: {stage.seeds} sets it already", "one of the two")
    for key, values in stage.vary.items():
        earlier = procedure.stages.get(values.at_most) if isinstance(values, Bounded) else None
        if earlier is not None and earlier.choose.rule != "range_test":
            rule = "is no range test, so it bounds nothing"
            yield Problem(f"{place}.vary.{key}.at_most", earlier.name, rule, "a stage that chooses by range_test")
        if isinstance(values, Neighbours) and not values.places:
            yield Problem(f"{place}.vary.{key}.places", [], "names at least one place", "[-1, 0, 1]")
    rival = procedure.stages.get(stage.challenges or "")
    if rival is not None and rival.budget != stage.budget:
        rule = "has trials of another length, which cannot be compared"
        yield Problem(f"{place}.challenges", rival.name, rule, "the same budget")


def _has_numbers(values: Any) -> bool:
    listed = values.values if isinstance(values, Bounded) else values
    if not isinstance(listed, list):
        return True
    return all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in listed)


def _no_rule(place: str, stage: Stage) -> Iterator[Problem]:
    choose = stage.choose
    if choose.rule not in RULES:
        yield Problem(f"{place}.rule", choose.rule, "there is no such rule", close(choose.rule, RULES))
        return
    known = ARGUMENTS.get(choose.rule, {})
    for name, value in choose.arguments.items():
        if name not in known:
            rule = f"the rule {choose.rule} has no such argument"
            yield Problem(f"{place}.arguments.{name}", value, rule, close(name, known))
        elif not known[name].fits(value):
            yield Problem(f"{place}.arguments.{name}", value, f"must be {known[name].told}", known[name].example)
    factor = choose.arguments.get("of")
    if choose.rule == "marginal" and factor not in {*stage.vary, *(key for case in stage.cases for key in case)}:
        rule = "the rule marginal needs a factor that the stage varies"
        yield Problem(f"{place}.arguments.of", factor, rule, next(iter(stage.vary), "a key of vary"))


def _no_condition(place: str, when: When, keys: Sequence[str]) -> Iterator[Problem]:
    known = RUN_CONDITIONS if when.stage is None else CONDITIONS
    if when.named is not None and when.named not in known:
        yield Problem(f"{place}.is", when.named, "there is no such condition", close(when.named, known))
    if when.named is None and not when.won:
        yield Problem(f"{place}.is", None, "a condition asks something", f"is: {next(iter(known))}")
    if when.stage is None and when.won:
        yield Problem(f"{place}.won", when.won, "needs the stage that it is about", "stage: NAME beside it")
    yield from (_no_parameter(f"{place}.won", key, keys) for key in when.won if not _is_known(key, keys))


def _unknown(place: str, stage: Stage, known: Sequence[str]) -> Iterator[Problem]:
    for key, values in stage.vary.items():
        if isinstance(values, Derived) and values.prior not in PRIORS:
            rule = "there is no such prior"
            yield Problem(f"{place}.vary.{key}.prior", values.prior, rule, close(values.prior, PRIORS))
    keyed = [("vary", key) for key in stage.vary] + [("hold", key) for key in stage.hold]
    keyed += [(f"cases.{number}", key) for number, case in enumerate(stage.cases) for key in case]
    for where, key in keyed:
        if not _is_known(key, known):
            yield _no_parameter(f"{place}.{where}", key, known)


def _no_parameter(place: str, key: str, known: Sequence[str]) -> Problem:
    return Problem(f"{place}.{key}", "…", "a trial has no such parameter", close(key, known))


def _is_known(key: str, known: Sequence[str]) -> bool:
    return key in known or any(key.startswith(f"{name}.") for name in known if name.endswith("kwargs"))
