"""A command that asks for a procedure: what the file says, what the command line says besides, what the data say."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.candidates import SEED
from sweeper.composition import Composer
from sweeper.facts import Facts, facts_of
from sweeper.procedure import GROUP, Procedure, Stage, read
from sweeper.space import Choices, GroupOptions, Space
from sweeper.stage_points import Outcome, Params, Settled, common, points
from sweeper.validation import Problem
from trainers.trial import flatten


@dataclass(frozen=True)
class Asked:
    """A procedure as a command asks for it: `said` are axes of the command line, which replace a stage's own."""

    procedure: Procedure
    said: Mapping[str, Sequence[Any]]
    facts: Facts
    base: Mapping[str, Any]

    @property
    def settled(self) -> Settled:
        """What is known before the first stage."""
        return Settled(held=dict(self.procedure.hold), facts=self.facts, base=self.base)


def is_asked(config: DictConfig) -> bool:
    """True where a configuration holds a procedure."""
    return bool(config.get(GROUP))


def space_of(said: Space, config: DictConfig, group_options: GroupOptions) -> Space:
    """Returns the space that a procedure's trials are composed in: the config groups that its stages vary are axes."""
    names = dict.fromkeys(re.findall(r"'(\w+)':", str(OmegaConf.to_container(config[GROUP], resolve=False))))
    groups = [name for name in names if group_options(name) and name not in {axis.key for axis in said.axes}]
    return Space(
        (*said.axes, *(Choices(name, tuple(group_options(name)), is_group=True) for name in groups)), said.fixed
    )


def understood(said: Space, composer: Composer, known: Sequence[str]) -> tuple[Asked | None, list[Problem]]:
    """Reads the procedure of a command.

    Args:
        said: What the command line varies and sets.
        composer: Composes trials.
        known: The dotted keys of a trial's parameters, and the groups that can be varied.

    Returns:
        The procedure and no problems, or None and everything wrong with it.
    """
    procedure, problems = read(OmegaConf.to_container(composer.config[GROUP], resolve=True), known)  # type: ignore[arg-type]
    if procedure is None:
        return None, problems
    problems = list(_foreign(said, procedure))
    example, wrong = composer.trial(procedure.hold)
    if example is None:
        return None, [*problems, *wrong]
    values = {axis.key: list(axis.values) for axis in said.axes if isinstance(axis, Choices)}
    facts = dataclasses.replace(facts_of(example), metric=composer.config.sweep.metric)
    asked = Asked(procedure, values, facts, flatten(example))
    problems += _unsound(asked, composer)
    return (None if problems else asked), problems


def _foreign(said: Space, procedure: Procedure) -> Iterator[Problem]:
    varied = {key for stage in procedure.stages.values() for key in stage.vary}
    for axis in said.axes:
        if axis.key not in varied:
            rule = f"procedure {procedure.name} has no stage that varies it; it varies {', '.join(sorted(varied))}"
            yield Problem(axis.key, "several values", rule, f"{axis.key}=VALUE")
        elif not isinstance(axis, Choices):
            yield Problem(axis.key, "an interval", "a stage compares listed values", f"{axis.key}=VALUE,VALUE")


@dataclass(frozen=True)
class PlannedStage:
    """A stage before anything is known: what depends on a winner stands as `<winner:stage>`."""

    stage: Stage
    varied: dict[str, list[Any]]
    held: Params
    points: list[Params]


def planned(asked: Asked) -> Iterator[PlannedStage]:
    """Yields every stage with all the trials it can have."""
    settled = asked.settled
    for stage in asked.procedure.stages.values():
        listed = points(stage, settled, asked.said)
        varied = {key: list(dict.fromkeys(map(_hashable, (p[key] for p in listed if key in p)))) for key in stage.vary}
        yield PlannedStage(stage, varied, common(stage, settled), listed)
        settled = _after(settled, stage, listed)


def _after(settled: Settled, stage: Stage, listed: Sequence[Params]) -> Settled:
    keys = dict.fromkeys(key for point in listed for key in point) if stage.adopt else {}
    held = {**settled.held, **{key: f"<winner:{stage.name}>" for key in keys if key != SEED}}
    outcomes = {**settled.outcomes, stage.name: Outcome(stage, planned=tuple(listed))}
    return dataclasses.replace(settled, outcomes=outcomes, held=held)


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, (list, dict)) else value


def is_open(params: Mapping[str, Any]) -> bool:
    """True for trials that depend on a winner that is not known yet."""
    return any(isinstance(value, str) and "<winner:" in value for value in params.values())


def _unsound(asked: Asked, composer: Composer) -> Iterator[Problem]:
    for item in planned(asked):
        for point in item.points:
            full = {**item.held, **point}
            known = {key: value for key, value in full.items() if not is_open({key: value})}
            yield from composer.trial(known)[1]
