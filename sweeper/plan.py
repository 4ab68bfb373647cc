"""What a command would do, before anything is spent: `sweep.dry_run=true` and `sweep.dry_run=json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sweeper import procedures, run_length, step_times
from sweeper.command import Command
from sweeper.event_log import read
from sweeper.executors.devices import devices
from sweeper.history import History
from sweeper.identity import trial_id
from sweeper.paths import SweepPaths
from sweeper.settled import is_open
from sweeper.space import Axis, Choices
from sweeper.stage_points import seeds
from trainers.trial import TrialConfig, flatten

# What a table row begins with, where several trials differ in more than what is swept.
DERIVED = ("lora.alpha", "lora.realised_gain")


@dataclass(frozen=True)
class Stage:
    """One stage of a plan; a plain search has one. `trials` hold what differs between them, under dotted names.

    `vary` maps each axis to its values or its interval in Hydra's words, with conditions to `{"values", "when"}`; a
    sampler's points are not known before. `reused` says for each trial where it was measured already, None where it
    was not: `this sweep`, or an earlier stage.
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
    extend: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """All stages of a command, and what was found out about it; `total_trials` is None where only time limits them.

    `total_steps` are the optimizer steps of all trials together, conditional ones included and reused ones not;
    `estimated_s` is None until a step was timed with this model on such a device. `way` says in words how trials are
    drawn and pruned.
    """

    stages: list[Stage]
    total_trials: int | None
    findings: list[dict[str, Any]] = field(default_factory=list)
    total_steps: int | None = None
    estimated_s: float | None = None
    way: str = ""


@dataclass
class _Count:
    """Distinct trials so far: where each was first seen, and the steps and seconds that are still to be run."""

    seen: dict[str, str]
    steps: int = 0
    seconds: float | None = 0.0
    trials: int = 0


def plan(asked: Command) -> Plan:
    """Returns what a command would do; nothing is written or trained."""
    count = _Count(_measured(asked))
    stages = _procedure(asked, asked.asked, count) if asked.asked is not None else [_search(asked, count)]
    findings = [{"severity": "note", **asdict(found)} for found in asked.notes]
    findings += [{"severity": "warning", **asdict(found)} for found in asked.warnings]
    total, known = int(asked.total) if math.isfinite(asked.total) else None, count.trials > 0
    way = asked.way
    if asked.asked is not None:
        way, total = f"procedure {asked.asked.procedure.name}", count.trials
    seconds = count.seconds / len(devices(asked.settings.executor)) if known and count.seconds is not None else None
    return Plan(stages, total, findings, count.steps if known else None, seconds, way)


def _search(asked: Command, count: _Count) -> Stage:
    configs = [(params, _composed(asked, params)) for params in asked.space.grid()] if asked.is_grid else []
    example = configs[0][1] if configs else _composed(asked, asked.example)
    reused = [_counted(asked, config, "search", count) for _, config in configs]
    return Stage(
        name="search",
        when="always",
        vary={axis.key: _varied(axis) for axis in asked.space.axes},
        hold=_held(asked, example),
        budget=_whole(example),
        seeds=sorted({config.training.seed for _, config in configs} or {example.training.seed}),
        choose=f"{asked.settings.sweep.resolved_direction} {asked.settings.sweep.metric}",
        trials=[_trial(params, config) for params, config in configs],
        reused=reused,
    )


def _measured(asked: Command) -> dict[str, str]:
    """Finds the trials that an earlier run of the same sweep has measured."""
    log = SweepPaths(Path(asked.settings.sweep.dir) / asked.name).events
    trials = History(read(log)).trials
    return {found: "this sweep" for found, trial in trials.items() if trial.outcome is not None}


def _counted(asked: Command, config: TrialConfig, stage: str, count: _Count, is_known: bool = True) -> str | None:
    """Counts a trial once; returns where it was measured by then, None where it has to be run."""
    found = trial_id(config) if is_known else f"{stage} {count.trials}"
    if found in count.seen:
        return count.seen[found]
    count.seen[found] = "above" if asked.asked is None else f"stage {stage}"
    count.trials += 1
    facts = asked.asked.facts if asked.asked is not None else procedures.facts_of(config, asked.settings.sweep.metric)
    steps = run_length.steps(config, facts.rows, facts.mean_tokens)
    count.steps += steps
    per_row = step_times.seconds_per_row(config, devices(asked.settings.executor)[0].name)
    spent = None if per_row is None else per_row * steps * step_times.rows_per_step(config)
    count.seconds = None if spent is None or count.seconds is None else count.seconds + spent
    return None


def _procedure(asked: Command, wanted: procedures.Asked, count: _Count) -> list[Stage]:
    """Plans every stage with all the trials it can have; what depends on a winner is named so."""
    example = _composed(asked, wanted.procedure.hold)
    return [_stage(asked, item, example, count) for item in procedures.planned(wanted)]


def _stage(asked: Command, item: procedures.PlannedStage, example: TrialConfig, count: _Count) -> Stage:
    stage = item.stage
    budget = {key: value for key, value in vars(stage.budget).items() if value is not None}
    made = [_planned_trial(asked, point, known) for point, known in zip(item.points, item.examples, strict=True)]
    when = " and ".join(map(str, stage.when)) or "always"
    return Stage(
        name=stage.name,
        when=f"never: {item.unmet or 'the data asks for no value here'}" if not item.points else when,
        vary=item.varied,
        hold={key: value for key, value in item.held.items() if key not in item.varied},
        budget=_whole(example) if stage.budget.is_full else budget,
        seeds=seeds(stage, flatten(example)),
        choose=stage.choose.rule,
        trials=[trial for trial, _, _ in made],
        reused=[_counted(asked, config, stage.name, count, known) for _, config, known in made],
        why=stage.why,
        extend=stage.extend,
    )


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


def _varied(axis: Axis) -> Any:
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


def _held(asked: Command, example: TrialConfig) -> dict[str, Any]:
    swept = {axis.key for axis in asked.space.axes}
    flat = flatten(example)
    return {
        key: value
        for key, value in flat.items()
        if key not in swept and key.partition(".")[0] not in swept and key not in DERIVED
    }


def _trial(params: Mapping[str, Any], config: TrialConfig) -> dict[str, Any]:
    flat = flatten(config)
    return {**params, **{key: flat[key] for key in DERIVED}}


def to_json(made: Plan) -> str:
    """Returns the plan as one JSON object."""
    return json.dumps({key: value for key, value in asdict(made).items() if key != "way"}, indent=2)
