"""What the sets of target modules that a command asks for are in its base model, for the dry run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sweeper import model_facts
from sweeper.model_facts import ModelFacts
from sweeper.settled import is_open
from sweeper.target_matching import matched, resolved
from trainers import target_sets
from trainers.trial import Lora, TrialConfig

_KEY = "lora.target_modules"


@dataclass(frozen=True)
class TargetSet:
    """One value of `lora.target_modules` in a base model.

    `numbers_per_rank` is what an adapter of rank 1 trains: d_in + d_out of each module (Hu et al. 2021). `kinds` are
    the modules' short names, with their roles where a set has a name; `same_as` is a value before it that is the same
    modules.
    """

    value: str
    modules: int
    numbers_per_rank: int
    kinds: str
    same_as: str = ""


class Staged(Protocol):
    """A stage of a plan."""

    @property
    def trials(self) -> list[dict[str, Any]]:
        """What differs between its trials."""

    @property
    def vary(self) -> dict[str, Any]:
        """What it varies."""

    @property
    def hold(self) -> dict[str, Any]:
        """What it holds."""


def found(stages: Iterable[Staged], example: TrialConfig) -> list[TargetSet]:
    """Returns each value that is asked for, where one has a name of ours or several are tried.

    Args:
        stages: The plan's.
        example: One of its trials, whose base model is looked into; nothing is told where its files are not at hand.
    """
    asked = {str(value): value for stage in stages for value in _values(stage)}
    if not any(map(target_sets.is_set, asked.values())) and len(asked) < 2:
        return []
    model = model_facts.read(example.model)
    return [] if model is None else list(_told(asked.values(), example.lora, model))


def rows(sets: Sequence[TargetSet]) -> list[dict[str, str]]:
    """Returns them as rows of a table."""
    columns = {
        _KEY: [one.value for one in sets],
        "Modules": [f"{one.modules:,}" for one in sets],
        "Numbers per rank": [f"{one.numbers_per_rank:,}" for one in sets],
        "What they are": [one.kinds for one in sets],
    }
    if any(one.same_as for one in sets):
        columns["Same as"] = [one.same_as for one in sets]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(stage: Staged) -> Iterator[Any]:
    trials: list[Mapping[str, Any]] = [*stage.trials, stage.hold]
    yield from (trial[_KEY] for trial in trials if trial.get(_KEY) and not is_open(trial[_KEY]))
    listed = stage.vary.get(_KEY)
    listed = listed["values"] if isinstance(listed, dict) else listed
    yield from (value for value in (listed if isinstance(listed, list) else []) if not is_open(value))


def _told(values: Iterable[Any], lora: Lora, model: ModelFacts) -> Iterator[TargetSet]:
    seen: dict[tuple[str, ...], str] = {}
    for value in values:
        own = dataclasses.replace(lora, target_modules=value)
        modules = tuple(sorted(matched(own, model)))
        text = f"[{','.join(value)}]" if isinstance(value, list) else str(value)
        numbers = sum(sum(model.linear.get(name, (0, 0))) for name in modules)
        yield TargetSet(text, len(modules), numbers, _kinds(own, model), seen.get(modules, ""))
        seen.setdefault(modules, text)


def _kinds(lora: Lora, model: ModelFacts) -> str:
    known = resolved(lora, model)
    if known is None:
        return ", ".join(dict.fromkeys(name.rpartition(".")[2] for name in matched(lora, model))) or "none"
    missing = f"; no {', '.join(known.absent)}" if known.absent else ""
    return ", ".join(f"{module} ({', '.join(roles)})" for module, roles in known.roles.items()) + missing
