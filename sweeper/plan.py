"""What a command would do, before anything is spent: `sweep.dry_run=true` and `sweep.dry_run=json`."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sweeper import procedures, target_table
from sweeper.command import Command
from sweeper.data_facts import data_facts
from sweeper.finding import Finding
from sweeper.plan_cost import Cost
from sweeper.preflight import preflight
from sweeper.previews import previews_of
from sweeper.procedure import Bounded
from sweeper.settled import is_open
from sweeper.space import Axis, Choices
from sweeper.stage_points import seeds
from sweeper.target_table import TargetSet
from trainers.trial import TrialConfig, flatten

# What a table row begins with, where several trials differ in more than what is swept.
DERIVED = ("lora.alpha", "lora.realised_gain")


@dataclass(frozen=True)
class Stage:
    """One stage of a plan; a plain search has one. `trials` hold what differs between them, under dotted names.

    `vary` maps each axis to its values or its interval in Hydra's words, with conditions to `{"values", "when"}`; a
    sampler's points are not known before. `reused` says for each trial where it was measured already, None where it
    was not: `this sweep`, or an earlier stage. `hold` is all that no trial changes, `steps` how many each runs. `takes`
    are the stages whose candidates run again; `sets` is what the stage itself, or a stage before it, holds.
    """

    name: str
    when: str
    vary: dict[str, Any]
    hold: dict[str, Any]
    budget: dict[str, Any]
    seeds: list[int]
    choose: str
    trials: list[dict[str, Any]] = field(default_factory=list)
    reused: list[str | None] = field(default_factory=list)
    why: str = ""
    walk: str | None = None
    at_most: dict[str, str] = field(default_factory=dict)
    extend: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    takes: list[str] = field(default_factory=list)
    sets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All stages of a command, and what was found out about it; `total_trials` is None where only time limits them.

    `total_trials` counts distinct ones, conditional ones included; `certain_trials` those that no condition decides,
    `max_trials` is a procedure's budget. `total_steps` are the optimizer steps of all of them, reused ones left out;
    `estimated_s` is None until a step was timed with this model on such a device. `way` says in words how trials are
    drawn and pruned; `targets` what sets of target modules are in this base model (`sweeper.target_table`). `data` are
    the facts of each different data (`sweeper.data_facts`), `previews` three rows of the first as they are trained on
    (`trainers.preview`).
    """

    stages: list[Stage]
    total_trials: int | None
    findings: list[Finding] = field(default_factory=list)
    total_steps: int | None = None
    estimated_s: float | None = None
    certain_trials: int | None = None
    max_trials: int | None = None
    way: str = ""
    targets: list[TargetSet] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    previews: list[dict[str, Any]] = field(default_factory=list)


def plan(asked: Command) -> Plan:
    """Returns what a command would do; nothing is written or trained."""
    return replace(_planned(asked), data=data_facts(asked), previews=previews_of(asked))


def _planned(asked: Command) -> Plan:
    cost, wanted = Cost(asked), asked.asked
    findings = preflight(asked)
    if wanted is None:
        stages = [_search(asked, cost)]
        total = int(asked.total) if math.isfinite(asked.total) else None
        steps = cost.steps if cost.trials else None
        targets = target_table.found(stages, _composed(asked, asked.example))
        return Plan(stages, total, findings, steps, cost.estimated_s, total, way=asked.way, targets=targets)
    stages = _procedure(asked, wanted, cost)
    way = f"procedure {wanted.procedure.name}"
    return Plan(
        stages,
        cost.trials,
        findings,
        cost.steps,
        cost.estimated_s,
        cost.certain,
        asked.settings.sweep.max_trials,
        way,
        target_table.found(stages, _composed(asked, wanted.procedure.hold)),
    )


def _search(asked: Command, cost: Cost) -> Stage:
    configs = [(params, _composed(asked, params)) for params in asked.space.grid()] if asked.is_grid else []
    example = configs[0][1] if configs else _composed(asked, asked.example)
    reused = [cost.add(config, "") for _, config in configs]
    return Stage(
        name="search",
        when="always",
        vary={axis.key: varied(axis) for axis in asked.space.axes},
        hold=_flat_held(example, {axis.key for axis in asked.space.axes}),
        budget=_whole(example),
        seeds=sorted({config.training.seed for _, config in configs} or {example.training.seed}),
        choose=f"{asked.settings.sweep.resolved_direction} {asked.settings.sweep.metric}",
        trials=[_trial(params, config) for params, config in configs],
        reused=reused,
    )


def _procedure(asked: Command, wanted: procedures.Asked, cost: Cost) -> list[Stage]:
    """Plans every stage with all the trials it can have; what depends on a winner is named so."""
    example = _composed(asked, wanted.procedure.hold)
    return [_stage(asked, item, example, cost) for item in procedures.planned(wanted)]


def _stage(asked: Command, item: procedures.PlannedStage, example: TrialConfig, cost: Cost) -> Stage:
    stage = item.stage
    budget = {key: value for key, value in vars(stage.budget).items() if value is not None}
    rows = zip(item.points, item.examples, strict=True)
    made = [_planned_trial(asked, point, known) for point, known in rows]
    when = " and ".join(map(str, stage.when)) or "always"
    never = f"never: {item.unmet or 'the data asks for no value here'}"
    varied = {key for point in item.points for key in point if len({str(other.get(key)) for other in item.points}) > 1}
    sets = {key: value for key, value in item.held.items() if key not in {*item.varied, *varied}}
    return Stage(
        name=stage.name,
        when=when if item.points else never,
        vary=item.varied,
        hold={**_flat_held(example, {*item.varied, *varied}), **sets},
        budget=_whole(example) if stage.budget.is_full else budget,
        seeds=seeds(stage, flatten(example)),
        choose=stage.choose.rule,
        trials=[trial for trial, _, _ in made],
        reused=[
            cost.add(config, stage.name, is_known=known, is_certain=not stage.when, repeats=repeats)
            for (_, config, known), repeats in zip(made, item.repeats, strict=True)
        ],
        why=stage.why,
        walk=stage.walk,
        at_most={key: rule.at_most for key, rule in stage.vary.items() if isinstance(rule, Bounded)},
        extend=stage.extend,
        steps=sorted({cost.steps_of(config) for _, config, _ in made}),
        takes=stage.takes,
        sets=sets,
    )


def _flat_held(example: TrialConfig, varied: Collection[str]) -> dict[str, Any]:
    """Returns what a configuration sets beside what is varied, and what follows from that."""
    groups = {key for key in varied if "." not in key}
    return {
        key: value
        for key, value in flatten(example).items()
        if key not in varied and key.partition(".")[0] not in groups and key not in DERIVED
    }


def _whole(example: TrialConfig) -> dict[str, Any]:
    """Returns the length of a full run."""
    training = example.training
    return {"steps": training.max_steps} if training.max_steps > 0 else {"epochs": training.num_train_epochs}


def _planned_trial(
    asked: Command, point: Mapping[str, Any], example: Mapping[str, Any]
) -> tuple[dict[str, Any], TrialConfig, bool]:
    """Returns a trial, a configuration that it can become, and whether that is known to be its own."""
    config = _composed(asked, example)
    is_known = not any(map(is_open, point.values()))
    if any(is_open(value) for key, value in point.items() if key.startswith("lora.")):
        return dict(point), config, False
    flat = flatten(config)
    return {**point, **{key: flat[key] for key in DERIVED}}, config, is_known


def _composed(asked: Command, params: Mapping[str, Any]) -> TrialConfig:
    config, problems = asked.composer.trial(params)
    assert config is not None, problems  # an understood command composes
    return config


def varied(axis: Axis) -> Any:
    """Returns an axis in Hydra's words, with the conditions under which it exists."""
    return (
        {"values": _words(axis), "when": {key: list(values) for key, values in axis.when}}
        if axis.when
        else _words(axis)
    )


def _words(axis: Axis) -> Any:
    if isinstance(axis, Choices):
        return list(axis.values)
    interval = f"interval({axis.low:g},{axis.high:g})"
    return f"tag(log,{interval})" if axis.log else interval


def _trial(params: Mapping[str, Any], config: TrialConfig) -> dict[str, Any]:
    flat = flatten(config)
    return {**params, **{key: flat[key] for key in DERIVED}}


def to_json(made: Plan) -> str:
    """Returns the plan as one JSON object."""
    return json.dumps({key: value for key, value in asdict(made).items() if key != "way"}, indent=2)
