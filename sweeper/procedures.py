"""A command that asks for a procedure: what the file says, what the command line says besides, what the data say."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper import priors
from sweeper.candidates import SEED
from sweeper.composition import Composer
from sweeper.conditions import unmet_by_run
from sweeper.facts import Facts, facts_of
from sweeper.procedure import GROUP, Around, Derived, Neighbours, Procedure, Shifted, Stage
from sweeper.procedure_file import read
from sweeper.recorded_facts import recorded
from sweeper.settled import Params, Settled, is_open
from sweeper.space import Choices, GroupOptions, Space, listed
from sweeper.stage_points import common, points, whole
from sweeper.validation import ConfigurationError, Problem
from trainers.trial import flatten


@dataclass(frozen=True)
class Asked:
    """A procedure as a command asks for it: `said` are axes of the command line, which replace a stage's own.

    `base` is the configuration under dotted names; `notes` are what is worth knowing of it.
    """

    procedure: Procedure
    said: Mapping[str, Sequence[Any]]
    facts: Facts
    base: Mapping[str, Any]
    notes: list[Problem] = field(default_factory=list)

    @property
    def settled(self) -> Settled:
        """What is known before the first stage."""
        equal = self.procedure.equal
        return Settled(held=dict(self.procedure.hold), facts=self.facts, base=self.base, equal=equal)


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


def understood(
    said: Space, composer: Composer, known: Sequence[str], metric: str, log: Path | None
) -> tuple[Asked | None, list[Problem]]:
    """Reads the procedure of a command.

    Args:
        said: What the command line varies and sets.
        composer: Composes trials.
        known: The dotted keys of a trial's parameters, and the groups that can be varied.
        metric: What trials are compared by.
        log: The sweep's event log, which keeps what was known of its data when it began; None where it begins anew.

    Returns:
        The procedure and no problems, or None and everything wrong with it.
    """
    procedure, problems = read(OmegaConf.to_container(composer.config[GROUP], resolve=True), known)  # type: ignore[arg-type]
    if procedure is None:
        return None, problems
    problems = list(_foreign(said, procedure))
    example, wrong = composer.trial(
        {key: value for key, value in procedure.hold.items() if priors.named(value) is None}
    )
    if example is None:
        return None, [*problems, *wrong]
    facts = dataclasses.replace(recorded(log, example) or facts_of(example), metric=metric)
    procedure = dataclasses.replace(procedure, hold=dict(_held(procedure, facts, said)))
    values = {axis.key: list(axis.values) for axis in said.axes if isinstance(axis, Choices)}
    asked = Asked(procedure, values, facts, flatten(example), list(_overruled(procedure, said, composer)))
    problems += _unplanned(asked, composer)
    return (None if problems else asked), problems


def _unplanned(asked: Asked, composer: Composer) -> list[Problem]:
    """Finds what keeps stages from being planned: values of the command line that are not what a rule works with."""
    try:
        return list(_unsound(asked, composer))
    except ConfigurationError as error:
        return error.problems
    except (ArithmeticError, TypeError, ValueError) as error:
        typed = [{key: value} for key, values in asked.said.items() for value in values]
        wrong = [problem for params in typed for problem in composer.trial(params)[1]]
        rule = f"its stages cannot be planned ({error})"
        return wrong or [Problem(GROUP, asked.procedure.name, rule, "numbers where a rule computes with them")]


def _held(procedure: Procedure, facts: Facts, said: Space) -> Iterator[tuple[str, Any]]:
    """Yields what is held throughout; what would follow from the data gives way to the command line."""
    for key, value in procedure.hold.items():
        if (prior := priors.named(value)) is None:
            yield key, value
        elif key not in said.keys_set and (values := priors.PRIORS[prior](facts)):
            yield key, values[0]


def _overruled(procedure: Procedure, said: Space, composer: Composer) -> Iterator[Problem]:
    """Says which settings of the command line a procedure holds at another value."""
    plain = composer.trial({})[0]
    typed = flatten(plain) if plain is not None else {}
    for key, value in procedure.hold.items():
        if key in said.keys_set and typed.get(key, value) != value:
            rule = f"procedure {procedure.name} holds it at {value} throughout"
            yield Problem(key, typed[key], rule, "a procedure of your own, with --config-dir")
    for key in sorted(said.keys_set & set(typed)):
        lists = [stage.name for stage in procedure.stages.values() if isinstance(stage.vary.get(key), (list, Derived))]
        if lists:
            rule = f"holds where no stage varies it; stage {', '.join(lists)} has its own values, which a list replaces"
            yield Problem(key, typed[key], rule, f"{key}=VALUE,VALUE")


def _foreign(said: Space, procedure: Procedure) -> Iterator[Problem]:
    stages = procedure.stages.values()
    varied = {key for stage in stages for key in (*stage.vary, *(key for case in stage.cases for key in case))}
    relative = {
        key
        for key in varied
        if all(isinstance(stage.vary[key], (Around, Shifted, Neighbours)) for stage in stages if key in stage.vary)
        and any(key in stage.vary for stage in stages)
    }
    for axis in said.axes:
        if axis.key in relative:
            rule = f"procedure {procedure.name} tries values around the one it has"
            yield Problem(axis.key, listed(axis), rule, f"{axis.key}=VALUE")
        elif axis.key not in varied:
            rule = f"procedure {procedure.name} has no stage that varies it; it varies {', '.join(sorted(varied))}"
            yield Problem(axis.key, listed(axis), rule, f"{axis.key}=VALUE")
        elif not isinstance(axis, Choices):
            yield Problem(axis.key, listed(axis), "a stage compares listed values", f"{axis.key}=VALUE,VALUE")


@dataclass(frozen=True)
class PlannedStage:
    """A stage before anything is known: what depends on a winner stands as `<winner:stage>`.

    `points` are all that each trial sets, `examples` ones that these can become; `repeats` names for each the stage
    whose candidate it runs again as it was. `unmet` is why the stage will not run, as far as that is known.
    """

    stage: Stage
    varied: dict[str, list[Any]]
    held: Params
    points: list[Params]
    examples: list[Params]
    repeats: list[str | None]
    unmet: str | None = None


def planned(asked: Asked) -> Iterator[PlannedStage]:
    """Yields every stage with all the trials it can have."""
    settled = asked.settled
    for stage in asked.procedure.stages.values():
        why = next((why for item in stage.when if not item.stage and (why := unmet_by_run(item, settled.facts))), None)
        listed = [] if why else points(stage, settled, asked.said)
        varied = {key: list(dict.fromkeys(map(_hashable, (p[key] for p in listed if key in p)))) for key in stage.vary}
        full = [whole(stage, settled, point) for point in listed]
        examples = [_example(point, stage, settled) for point in full]
        repeats = [_repeated(point, stage, settled) for point in listed]
        yield PlannedStage(stage, varied, common(stage, settled), full, examples, repeats, why)
        settled = settled.after_planned(stage, listed)


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, (list, dict)) else value


def _repeated(point: Params, stage: Stage, settled: Settled) -> str | None:
    """Returns the stage whose winner a trial is once more: every value is that winner's, seed and length the same."""
    named = {found[1] for value in point.values() if isinstance(value, str) and (found := _WINNER.fullmatch(value))}
    others = {key: value for key, value in point.items() if not is_open(value)}
    name = next(iter(named), None)
    if name is None or len(named) > 1 or others.get(SEED, settled.base[SEED]) != settled.base[SEED] or stage.hold:
        return None
    earlier = settled.outcomes.get(name)
    if earlier is None or not set(others) <= {SEED}:
        return None
    return name if earlier.stage.budget == stage.budget and not earlier.stage.hold else None


_WINNER = re.compile(r"<winner:(\w+)(#\d+)?>")


def _example(point: Params, stage: Stage, settled: Settled) -> Params:
    """Returns a trial that a planned one can become: a winner's value is one that its stage lists and this one awaits.

    What no stage lists (a value times a winner's) is left to the configuration.
    """
    found = {key: _awaited(key, value, stage, settled) if is_open(value) else value for key, value in point.items()}
    return {key: value for key, value in found.items() if not is_open(value)}


def _awaited(key: str, value: str, stage: Stage, settled: Settled) -> Any:
    named = _WINNER.fullmatch(value)
    if named is None:
        return value
    awaited = {name: item for when in stage.when if when.stage == named[1] for name, item in when.won.items()}
    earlier = settled.outcomes.get(named[1])
    listed = earlier.planned or () if earlier is not None else ()
    fits = [other for other in listed if all(other.get(name) == item for name, item in awaited.items())]
    return next((other[key] for other in fits if key in other and not is_open(other[key])), value)


def _unsound(asked: Asked, composer: Composer) -> Iterator[Problem]:
    for item in planned(asked):
        for example in item.examples:
            yield from composer.trial(example)[1]
