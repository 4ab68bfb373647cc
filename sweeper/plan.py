"""What a command would do, before anything is spent: `sweep.dry_run=true` and `sweep.dry_run=json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from analysis.markdown import table
from sweeper import procedures
from sweeper.command import Command
from sweeper.data_notes import data_notes
from sweeper.prior_notes import Note, notes
from sweeper.space import Axis, Choices
from sweeper.stage_points import seeds
from trainers.trial import TrialConfig, flatten

# What a table row begins with, where several trials differ in more than what is swept.
_DERIVED = ("lora.alpha", "lora.realised_gain")


@dataclass(frozen=True)
class Stage:
    """One stage of a plan; a plain search has one. `trials` hold what differs between them, under dotted names.

    `vary` maps each axis to its values or its interval in Hydra's words, with conditions to `{"values", "when"}`; a
    sampler's points are not known before.
    """

    name: str
    when: str
    vary: dict[str, Any]
    hold: dict[str, Any]
    budget: dict[str, Any]
    seeds: list[int]
    choose: str
    trials: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """All stages of a command, and what was found out about it; `total_trials` is None where only time limits them.

    `way` says in words how trials are drawn and pruned; `data` and `priors` are what a procedure's text begins with;
    both stand in JSON among the findings.
    """

    stages: list[Stage]
    total_trials: int | None
    findings: list[dict[str, Any]] = field(default_factory=list)
    way: str = ""
    data: list[str] = field(default_factory=list)
    priors: list[str] = field(default_factory=list)


def plan(asked: Command) -> Plan:
    """Returns what a command would do; nothing is written or trained."""
    findings = [{"severity": "warning", **asdict(found)} for found in asked.warnings]
    if asked.asked is not None:
        return _with_notes(asked.asked, _procedure(asked, asked.asked), findings)
    configs = [(params, _composed(asked, params)) for params in asked.space.grid()] if asked.is_grid else []
    example = configs[0][1] if configs else _composed(asked, asked.example)
    stage = Stage(
        name="search",
        when="always",
        vary={axis.key: _varied(axis) for axis in asked.space.axes},
        hold=_held(asked, example),
        budget=_whole(example),
        seeds=sorted({config.training.seed for _, config in configs} or {example.training.seed}),
        choose=f"{asked.settings.sweep.resolved_direction} {asked.settings.sweep.metric}",
        trials=[_trial(params, config) for params, config in configs],
    )
    return Plan([stage], int(asked.total) if math.isfinite(asked.total) else None, findings, asked.way)


def _with_notes(wanted: procedures.Asked, stages: list[Stage], findings: list[dict[str, Any]]) -> Plan:
    """Adds to a procedure's stages what is known of its data, and what the guide would take for them."""
    known = data_notes(wanted.facts, wanted.base)
    # What is held throughout is held, though a follow-up stage may vary it.
    varied = {key for stage in stages for key in stage.vary} - set(wanted.procedure.hold)
    priors = notes(wanted.facts, wanted.base, varied)
    return Plan(
        stages,
        total_trials=sum(len(stage.trials) for stage in stages),
        findings=[
            *findings,
            *(_note(item.key, wanted.base[item.key], item.text) for item in known),
            *(_note(item.key, item.in_use, item.text, _remedy(item)) for item in priors),
        ],
        way=f"procedure {wanted.procedure.name}",
        data=[item.text for item in known],
        priors=[f"{item.key}: {item.text}" for item in priors],
    )


def _note(key: str, value: Any, rule: str, remedy: str = "") -> dict[str, Any]:
    return {"severity": "note", "key": key, "value": value, "rule": rule, "remedy": remedy}


def _remedy(note: Note) -> str:
    """Returns what would do as the guide says, where the command does not."""
    if note.fits or note.is_varied:
        return ""
    values = note.value if isinstance(note.value, list) else [note.value]
    return f"{note.key}={','.join(str(value).lower() for value in values)}"


def _procedure(asked: Command, wanted: procedures.Asked) -> list[Stage]:
    """Plans every stage with all the trials it can have; what depends on a winner is named so."""
    example = _composed(asked, wanted.procedure.hold)
    return [_stage(asked, item, example) for item in procedures.planned(wanted)]


def _stage(asked: Command, item: procedures.PlannedStage, example: TrialConfig) -> Stage:
    stage = item.stage
    budget = {key: value for key, value in vars(stage.budget).items() if value is not None}
    return Stage(
        name=stage.name,
        when=" and ".join(map(str, stage.when)) or "always",
        vary=item.varied,
        hold=item.held,
        budget=_whole(example) if stage.budget.is_full else budget,
        seeds=seeds(stage, flatten(example)),
        choose=stage.choose.rule,
        trials=[_planned_trial(asked, {**item.held, **point}, point) for point in item.points],
    )


def _whole(example: TrialConfig) -> dict[str, Any]:
    """Returns the length of a full run."""
    training = example.training
    return {"steps": training.max_steps} if training.max_steps > 0 else {"epochs": training.num_train_epochs}


def _planned_trial(asked: Command, full: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    if procedures.is_open({key: value for key, value in full.items() if key.startswith("lora.")}):
        return dict(full)
    known = {key: value for key, value in full.items() if not procedures.is_open({key: value})}
    flat = flatten(_composed(asked, known))
    return {**full, **{key: flat[key] for key in _DERIVED}}


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
        if key not in swept and key.partition(".")[0] not in swept and key not in _DERIVED
    }


def _trial(params: Mapping[str, Any], config: TrialConfig) -> dict[str, Any]:
    flat = flatten(config)
    return {**params, **{key: flat[key] for key in _DERIVED}}


def to_json(made: Plan) -> str:
    """Returns the plan as one JSON object."""
    texts = ("way", "data", "priors")
    return json.dumps({key: value for key, value in asdict(made).items() if key not in texts}, indent=2)


def to_text(made: Plan) -> str:
    """Returns the plan for a person: the data, every stage, every trial, what is held, the rule, the total."""
    found = [
        f"{item['severity']}: {item['key']}={item['value']}: {item['rule']}"
        for item in made.findings
        if item["severity"] != "note"
    ]
    total = "as many trials as the time allows" if made.total_trials is None else f"{made.total_trials} trials in all"
    return "\n".join(
        [
            *_section("Data", made.data),
            *_section("The guide's priors", made.priors),
            *(line for stage in made.stages for line in _stage_lines(stage)),
            *found,
            f"{total}, {made.way}; nothing was started",
        ]
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines), ""] if lines else []


def _stage_lines(stage: Stage) -> list[str]:
    varied = [f"  {key}: {_listed(value)}" for key, value in stage.vary.items()] or ["  nothing: one trial"]
    held = [f"  {key}: {_listed(value)}" for key, value in stage.hold.items() if value not in (None, {}, [])]
    budget = ", ".join(
        f"{value:g} {unit}" if isinstance(value, (int, float)) else f"{value} {unit}"
        for unit, value in stage.budget.items()
    )
    head = [
        f"Stage {stage.name} ({stage.when}): {budget} a trial, seeds {_listed(stage.seeds)}, {stage.choose}",
        "",
        "Varied",
    ]
    columns = sorted(dict.fromkeys(key for trial in stage.trials for key in trial), key=lambda key: key in _DERIVED)
    trials = table([{key: str(trial.get(key, "")) for key in columns} for trial in stage.trials], plain=True)
    return [
        *head,
        *varied,
        "",
        "Held",
        *held,
        "",
        "Trials",
        *(trials if stage.trials else ["  drawn by the sampler"]),
        "",
    ]


def _listed(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"values", "when"}:
        when = " and ".join(f"{key} is {' or '.join(map(str, values))}" for key, values in value["when"].items())
        return f"{_listed(value['values'])}, when {when}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).replace("\n", "\\n")
