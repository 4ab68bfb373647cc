"""A plan for a person to read: every stage, every trial, what is held, the rule, the total."""

from __future__ import annotations

from typing import Any

from analysis.markdown import table
from sweeper import data_text, findings_text, target_table
from sweeper.plan import DERIVED, Plan, Stage
from sweeper.progress import duration
from sweeper.settled import is_open


def to_text(made: Plan) -> str:
    """Returns the plan as text."""
    shared = _shared(made.stages)
    lines = _section("Held, unless a stage says otherwise", [f"{key}: {listed(shared[key])}" for key in shared])
    lines += [line for stage in made.stages for line in _stage(stage, shared)]
    lines += data_text.lines(made.data, made.previews)
    lines += ["Target modules", *table(target_table.rows(made.targets), plain=True), ""] if made.targets else []
    return "\n".join([*lines, *findings_text.table(made.findings), "", _total(made)])


def _shared(stages: list[Stage]) -> dict[str, Any]:
    """Returns what most stages of a procedure hold; a plain search says it in its one stage."""
    if len(stages) == 1:
        return {}
    keys = dict.fromkeys(key for stage in stages for key in stage.hold)
    found = {key: [stage.hold[key] for stage in stages if key in stage.hold] for key in keys}
    common = {key: max(values, key=values.count) for key, values in found.items() if 2 * len(values) > len(stages)}
    return {key: value for key, value in common.items() if value not in (None, {}, []) and not is_open(value)}


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines), ""] if lines else []


def _total(made: Plan) -> str:
    words = [_trials_in_all(made), made.way]
    if made.total_steps is not None:
        words.append(f"{made.total_steps} steps")
    if made.estimated_s is not None:
        words.append(f"about {duration(made.estimated_s)} by what a step took before")
    if made.max_trials is not None:
        words.append(f"sweep.max_trials={made.max_trials} ends it before" if _ends(made) else "within its budget")
    return f"{', '.join(words)}; nothing was started"


def _ends(made: Plan) -> bool:
    return made.max_trials is not None and made.max_trials < (made.total_trials or 0)


def _trials_in_all(made: Plan) -> str:
    total = made.total_trials
    if total is None:
        return "as many trials as the time allows"
    if made.certain_trials is not None and made.certain_trials < total:
        certain = "1 trial" if made.certain_trials == 1 else f"{made.certain_trials} trials"
        return f"{certain} and, as conditions hold, up to {total} in all"
    return "1 trial in all" if total == 1 else f"{total} trials in all"


def _stage(stage: Stage, shared: dict[str, Any]) -> list[str]:
    head = f"Stage {stage.name} ({stage.when})"
    if stage.when.startswith("never"):
        return [head, ""]
    why = [f"  {stage.why}"] if stage.why else []
    # What is told once, and what a stage before has settled, is not all told again: only what this stage adds.
    held = {key: value for key, value in (stage.sets if shared else stage.hold).items() if shared.get(key) != value}
    lines = [f"  {key}: {listed(value)}" for key, value in held.items() if value not in (None, {}, [])]
    trials = _trials(stage) or ["  drawn by the sampler"]
    begun = [f"{head}: {_length(stage)} a trial, seeds {listed(stage.seeds)}, {stage.choose}", *why, ""]
    return [*begun, "Varied", *_varied(stage), "", *(["Held", *lines, ""] if lines else []), "Trials", *trials, ""]


def _length(stage: Stage) -> str:
    """Returns how long the trials really are, in steps where these are known."""
    if stage.steps:
        least, most = stage.steps[0], stage.steps[-1]
        own = " on its own schedule" if stage.budget.get("schedule") == "own" else ""
        return f"{least if least == most else f'{least} to {most}'} steps{own}"
    return ", ".join(f"{value:g} {unit}" for unit, value in stage.budget.items() if isinstance(value, (int, float)))


def _varied(stage: Stage) -> list[str]:
    lines = [f"  {key}: {listed(value)}" for key, value in stage.vary.items()]
    if stage.walk is not None:
        lines.append(f"  {stage.walk}: from the middle outwards; what lies beyond a worse one is not run")
    lines += [f"  {key}: up to what {name} bounds" for key, name in stage.at_most.items()]
    lines += [f"  {key}: one step beyond an edge, should the winner lie there" for key in stage.extend]
    if stage.takes:
        lines.append(f"  what {', '.join(stage.takes)} kept")
    if not lines:
        lines.append("  nothing: one trial" if len(stage.trials) == 1 else "  what is listed below")
    return lines


def _trials(stage: Stage) -> list[str]:
    keys = dict.fromkeys(key for trial in stage.trials for key in trial if key not in stage.sets)
    columns = sorted(keys, key=lambda key: key in DERIVED)
    rows = [{key: _cell(trial.get(key, stage.hold.get(key, ""))) for key in columns} for trial in stage.trials]
    if any(stage.reused):
        rows = [{**row, "reused": where or ""} for row, where in zip(rows, stage.reused, strict=True)]
    return table(rows, plain=True) if rows else []


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def listed(value: Any) -> str:
    """Returns a value or several, with the condition they stand under, in words."""
    if isinstance(value, dict) and set(value) == {"values", "when"}:
        when = " and ".join(f"{key} is {' or '.join(map(str, values))}" for key, values in value["when"].items())
        return f"{listed(value['values'])}, when {when}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).replace("\n", "\\n")
