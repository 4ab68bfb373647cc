"""Reads a procedure from its YAML, and says everything that is wrong with it before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.choosing import ARGUMENTS, RULES
from sweeper.conditions import CONDITIONS, RUN_CONDITIONS
from sweeper.names import close
from sweeper.priors import PRIORS
from sweeper.procedure import GROUP, Choose, Derived, Procedure, Stage, When
from sweeper.procedure_form import odd
from sweeper.validation import Problem, build

_RULES_OF_VALUES = {"times", "plus", "neighbours", "at_most", "prior"}


def read(node: Mapping[str, Any], known: Sequence[str]) -> tuple[Procedure | None, list[Problem]]:
    """Validates a procedure.

    Args:
        node: As it stands in its file, resolved to plain values.
        known: The dotted keys of a trial's parameters, and the config groups that can be varied.

    Returns:
        The procedure and no problems, or None and everything wrong with it, under the keys of the file.
    """
    prepared = dict(node)
    stages = prepared.get("stages")
    if not isinstance(stages, dict) or not stages:
        return None, [Problem(f"{GROUP}.stages", stages, "a procedure has at least one stage", "a mapping of names")]
    prepared["stages"] = {name: _prepared(name, stage) for name, stage in stages.items()}
    if isinstance(prepared.get("hold"), dict):
        prepared["hold"] = dict(_flat(prepared["hold"]))
    problems = list(odd(prepared))  # and left out, so that what else is wrong is found as well
    procedure, wrong = build(Procedure, prepared, f"{GROUP}.")
    problems += wrong
    if procedure is not None:
        problems += _inconsistencies(procedure, known)
    return (None if problems else procedure), problems


def _prepared(name: str, stage: Any) -> Any:
    """Flattens what may stand nested or dotted: `lora: {r: [8]}` is `lora.r: [8]`."""
    if not isinstance(stage, dict):
        return stage
    flat = {key: dict(_flat(stage[key])) for key in ("vary", "hold") if isinstance(stage.get(key), dict)}
    cases = stage.get("cases")
    if isinstance(cases, list):
        flat["cases"] = [dict(_flat(case)) if isinstance(case, dict) else case for case in cases]  # type: ignore[assignment]
    takes = stage.get("takes", [])
    return {**stage, **flat, "takes": [takes] if isinstance(takes, str) else takes, "name": name}


_WHOLE = ("training.lr_scheduler_kwargs",)
"""Mappings that are one parameter's value."""


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and not _RULES_OF_VALUES & set(value) and not _is_whole(key, value):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _is_whole(key: str, value: Mapping[str, Any]) -> bool:
    return key in _WHOLE and not any(isinstance(item, (list, dict)) for item in value.values())


def _inconsistencies(procedure: Procedure, known: Sequence[str]) -> Iterator[Problem]:
    names = list(procedure.stages)
    for index, (name, stage) in enumerate(procedure.stages.items()):
        place = f"{GROUP}.stages.{name}"
        for key, other in stage.refers:
            if other not in names[:index]:
                rule = "is a later stage" if other in names else "there is no such stage"
                yield Problem(f"{place}.{key}", other, rule, close(other, names[:index]))
        yield from _no_rule(f"{place}.choose", stage.choose)
        for number, item in enumerate(stage.when):
            yield from _no_condition(f"{place}.when.{number}", item)
        for word, keys in (("extend", stage.extend), ("walk", [stage.walk] if stage.walk else [])):
            for key in keys:
                if key not in stage.vary:
                    yield Problem(f"{place}.{word}", key, "the stage does not vary it", close(key, stage.vary))
        yield from _unknown(place, stage, known)
    for key, value in procedure.hold.items():
        if not _is_known(key, known):
            yield _no_parameter(f"{GROUP}.hold", key, known)
        if isinstance(value, dict) and set(value) == {"prior"} and value["prior"] not in PRIORS:
            yield _no_prior(f"{GROUP}.hold.{key}", value["prior"])


def _no_rule(place: str, choose: Choose) -> Iterator[Problem]:
    if choose.rule not in RULES:
        yield Problem(f"{place}.rule", choose.rule, "there is no such rule", close(choose.rule, RULES))
        return
    known = ARGUMENTS.get(choose.rule, ())
    for name in choose.arguments:
        if name not in known:
            rule = f"the rule {choose.rule} has no such argument"
            yield Problem(f"{place}.arguments.{name}", choose.arguments[name], rule, close(name, known))
    if choose.rule == "marginal" and "of" not in choose.arguments:
        yield Problem(f"{place}.arguments.of", None, "the rule marginal needs the factor", "of: lora.alpha_law")


def _no_condition(place: str, when: When) -> Iterator[Problem]:
    known = RUN_CONDITIONS if when.stage is None else CONDITIONS
    if when.named is not None and when.named not in known:
        yield Problem(f"{place}.is", when.named, "there is no such condition", close(when.named, known))
    if when.stage is None and when.named is None:
        yield Problem(f"{place}.is", None, "a condition asks something", f"is: {next(iter(RUN_CONDITIONS))}")
    if when.stage is None and when.won:
        yield Problem(f"{place}.won", when.won, "needs the stage that it is about", "stage: NAME beside it")


def _unknown(place: str, stage: Stage, known: Sequence[str]) -> Iterator[Problem]:
    for key, values in stage.vary.items():
        if isinstance(values, Derived) and values.prior not in PRIORS:
            yield _no_prior(f"{place}.vary.{key}", values.prior)
    keyed = [("vary", key) for key in stage.vary] + [("hold", key) for key in stage.hold]
    keyed += [(f"cases.{number}", key) for number, case in enumerate(stage.cases) for key in case]
    for where, key in keyed:
        if not _is_known(key, known):
            yield _no_parameter(f"{place}.{where}", key, known)


def _no_prior(place: str, name: str) -> Problem:
    return Problem(f"{place}.prior", name, "there is no such prior", close(name, PRIORS))


def _no_parameter(place: str, key: str, known: Sequence[str]) -> Problem:
    return Problem(f"{place}.{key}", "…", "a trial has no such parameter", close(key, known))


def _is_known(key: str, known: Sequence[str]) -> bool:
    return key in known or any(key.startswith(f"{name}.") for name in known if name.endswith("kwargs"))
