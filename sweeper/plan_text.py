"""A plan for a person to read: every stage, every trial, what is held, the rule, the total."""

from __future__ import annotations

from typing import Any

from analysis.markdown import table
from sweeper.plan import DERIVED, Plan, Stage
from sweeper.progress import duration


def to_text(made: Plan) -> str:
    """Returns the plan as text."""
    told = {*made.data, *(line.partition(": ")[2] for line in made.priors)}
    found = [
        f"{item['severity']}: {item['key']}={item['value']}: {item['rule']}"
        for item in made.findings
        if item["rule"] not in told
    ]
    begun = [*_section("Data", made.data), *_section("The guide's priors", made.priors)]
    return "\n".join([*begun, *(line for stage in made.stages for line in _stage(stage)), *found, _total(made)])


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines), ""] if lines else []


def _total(made: Plan) -> str:
    trials = "as many trials as the time allows" if made.total_trials is None else f"{made.total_trials} trials in all"
    words = [trials, made.way]
    if made.total_steps is not None:
        words.append(f"{made.total_steps} steps")
    if made.estimated_s is not None:
        words.append(f"about {duration(made.estimated_s)} by what a step took before")
    return f"{', '.join(words)}; nothing was started"


def _stage(stage: Stage) -> list[str]:
    budget = ", ".join(
        f"{value:g} {unit}" if isinstance(value, (int, float)) else f"{value} {unit}"
        for unit, value in stage.budget.items()
    )
    head = f"Stage {stage.name} ({stage.when}): {budget} a trial, seeds {listed(stage.seeds)}, {stage.choose}"
    if stage.when.startswith("never"):
        return [f"Stage {stage.name} ({stage.when})", ""]
    why = [f"  {stage.why}"] if stage.why else []
    varied = [f"  {key}: {listed(value)}" for key, value in stage.vary.items()] or ["  nothing: one trial"]
    varied += [f"  {key}: one step beyond an edge, should the winner lie there" for key in stage.extend]
    held = [f"  {key}: {listed(value)}" for key, value in stage.hold.items() if value not in (None, {}, [])]
    trials = _trials(stage) or ["  drawn by the sampler"]
    return [head, *why, "", "Varied", *varied, "", "Held", *held, "", "Trials", *trials, ""]


def _trials(stage: Stage) -> list[str]:
    keys = dict.fromkeys(key for trial in stage.trials for key in trial if key not in stage.hold)
    columns = sorted(keys, key=lambda key: key in DERIVED)
    rows = [{key: _cell(trial.get(key, "")) for key in columns} for trial in stage.trials]
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
