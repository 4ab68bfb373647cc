"""Reads a procedure from its YAML, and says everything that is wrong with it before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.procedure import GROUP, Procedure
from sweeper.procedure_form import odd
from sweeper.procedure_sense import nonsense
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
        problems += nonsense(procedure, known)
    return (None if problems else procedure), problems


def _prepared(name: str, stage: Any) -> Any:
    """Flattens what may stand nested or dotted: `lora: {r: [8]}` is `lora.r: [8]`."""
    if not isinstance(stage, dict):
        return stage
    flat: dict[str, Any] = {
        key: dict(_flat(stage[key])) for key in ("vary", "hold") if isinstance(stage.get(key), dict)
    }
    if isinstance(stage.get("when"), list):
        flat["when"] = [_prepared_condition(item) for item in stage["when"]]
    cases = stage.get("cases")
    if isinstance(cases, list):
        flat["cases"] = [dict(_flat(case)) if isinstance(case, dict) else case for case in cases]
    takes = stage.get("takes", [])
    return {**stage, **flat, "takes": [takes] if isinstance(takes, str) else takes, "name": name}


def _prepared_condition(when: Any) -> Any:
    won = when.get("won") if isinstance(when, dict) else None
    return {**when, "won": dict(_flat(won))} if isinstance(won, dict) else when


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
