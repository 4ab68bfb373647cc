"""What a procedure is: stages, read from YAML and validated as a whole before anything runs.

The words are the tuning guide's: what varies, what is held, for how long, when at all, and how the winner is chosen.
`conf/procedure/*.yaml` holds one procedure each; a folder of one's own (`--config-dir`) can hold more.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from sweeper.choosing import RULES
from sweeper.conditions import CONDITIONS
from sweeper.priors import PRIORS
from sweeper.validation import Problem, build

GROUP = "procedure"
_FORBID_UNKNOWN = {"extra": "forbid"}
_NonEmpty = Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class Around:
    """The value that is held by then, an earlier winner's or the configuration's own, times each factor."""

    __pydantic_config__ = _FORBID_UNKNOWN

    times: _NonEmpty


@dataclass(frozen=True)
class Neighbours:
    """An earlier winner's value of the same parameter, and those listed beside it there."""

    __pydantic_config__ = _FORBID_UNKNOWN

    neighbours: str


@dataclass(frozen=True)
class Bounded:
    """Listed values up to the bound that an earlier range test found; at least the smallest of them."""

    __pydantic_config__ = _FORBID_UNKNOWN

    values: _NonEmpty
    at_most: str


@dataclass(frozen=True)
class Derived:
    """What follows from the data, by the name of the guide's prior."""

    __pydantic_config__ = _FORBID_UNKNOWN

    prior: str


Values = _NonEmpty | Around | Neighbours | Bounded | Derived
"""What a parameter takes in a stage: a list, or a rule that makes one."""

_RULES_OF_VALUES = {"times", "neighbours", "at_most", "prior"}


@dataclass(frozen=True)
class Budget:
    """How long a stage's trials run: a share of the full run, or a number of steps; the full run where neither is said.

    `schedule` is `full` where the full run's learning-rate schedule is cut short, `own` where it is squeezed into the
    stage's steps.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    share: Annotated[float, Field(gt=0, le=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    schedule: Literal["full", "own"] = "full"

    @property
    def is_full(self) -> bool:
        """True for the full run."""
        return self.share in (None, 1.0) and self.steps is None


@dataclass(frozen=True)
class When:
    """A condition on an earlier stage: a named one (`is`), or what its winner has (`won`)."""

    __pydantic_config__ = _FORBID_UNKNOWN

    stage: str
    named: Annotated[str | None, Field(alias="is")] = None
    won: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Returns `ranks: winner overfits`."""
        words = [] if self.named is None else [self.named.replace("_", " ")]
        return f"{self.stage}: {', '.join([*words, *(f'{key}={value} won' for key, value in self.won.items())])}"


@dataclass(frozen=True)
class Choose:
    """The rule that names a stage's winners, and its arguments."""

    __pydantic_config__ = _FORBID_UNKNOWN

    rule: str = "best"
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One comparison.

    `cases` are listed alternatives that set several parameters each, crossed with `vary`; `takes` runs the kept
    candidates of an earlier stage again; `challenges` compares with an earlier stage's winner as well. `keep` is how
    many of the best go on, `adopt` whether the winner is held from here on.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    vary: dict[str, Values] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)
    takes: str | None = None
    challenges: str | None = None
    hold: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    seeds: Annotated[int, Field(ge=1)] = 1
    when: list[When] = field(default_factory=list)
    choose: Choose = field(default_factory=Choose)
    keep: Annotated[int, Field(ge=1)] = 1
    adopt: bool = True
    why: str = ""
    name: str = ""

    @property
    def refers(self) -> list[tuple[str, str]]:
        """The earlier stages it names, each with the key that does."""
        found = [(f"when.{index}.stage", item.stage) for index, item in enumerate(self.when)]
        found += [(key, name) for key in ("takes", "challenges") if (name := getattr(self, key)) is not None]
        for key, values in self.vary.items():
            if isinstance(values, Neighbours):
                found.append((f"vary.{key}.neighbours", values.neighbours))
            elif isinstance(values, Bounded):
                found.append((f"vary.{key}.at_most", values.at_most))
        return found


@dataclass(frozen=True)
class Procedure:
    """A named list of stages; `hold` is held throughout."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str
    stages: dict[str, Stage]
    hold: dict[str, Any] = field(default_factory=dict)


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
    procedure, problems = build(Procedure, prepared, f"{GROUP}.")
    if procedure is not None:
        problems = list(_inconsistencies(procedure, known))
    return (None if problems else procedure), problems


def _prepared(name: str, stage: Any) -> Any:
    """Flattens what may stand nested or dotted: `lora: {r: [8]}` is `lora.r: [8]`."""
    if not isinstance(stage, dict):
        return stage
    flat = {key: dict(_flat(stage[key])) for key in ("vary", "hold") if isinstance(stage.get(key), dict)}
    cases = stage.get("cases")
    if isinstance(cases, list):
        flat["cases"] = [dict(_flat(case)) if isinstance(case, dict) else case for case in cases]  # type: ignore[assignment]
    return {**stage, **flat, "name": name}


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
                yield Problem(f"{place}.{key}", other, rule, _near(other, names[:index]))
        if stage.choose.rule not in RULES:
            yield Problem(
                f"{place}.choose.rule", stage.choose.rule, "there is no such rule", _near(stage.choose.rule, RULES)
            )
        for number, item in enumerate(stage.when):
            if item.named is not None and item.named not in CONDITIONS:
                yield Problem(
                    f"{place}.when.{number}.is", item.named, "there is no such condition", _near(item.named, CONDITIONS)
                )
        yield from _unknown(place, stage, known)
    yield from (_no_parameter(f"{GROUP}.hold", key, known) for key in procedure.hold if not _is_known(key, known))


def _unknown(place: str, stage: Stage, known: Sequence[str]) -> Iterator[Problem]:
    for key, values in stage.vary.items():
        if isinstance(values, Derived) and values.prior not in PRIORS:
            yield Problem(
                f"{place}.vary.{key}.prior", values.prior, "there is no such prior", _near(values.prior, PRIORS)
            )
    keyed = [("vary", key) for key in stage.vary] + [("hold", key) for key in stage.hold]
    keyed += [(f"cases.{number}", key) for number, case in enumerate(stage.cases) for key in case]
    for where, key in keyed:
        if not _is_known(key, known):
            yield _no_parameter(f"{place}.{where}", key, known)


def _no_parameter(place: str, key: str, known: Sequence[str]) -> Problem:
    return Problem(f"{place}.{key}", "…", "a trial has no such parameter", _near(key, known))


def _is_known(key: str, known: Sequence[str]) -> bool:
    return key in known or any(key.startswith(f"{name}.") for name in known if name.endswith("kwargs"))


def _near(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.3)
    return close[0] if close else f"one of {', '.join(known) or 'none'}"
