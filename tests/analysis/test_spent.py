"""What a sweep cost, as the report tells it."""

from __future__ import annotations

import dataclasses
import json

from made_up import places_of, row, sweep_of

from analysis.evidence import Evidence
from analysis.patterns.pattern import Patterns
from analysis.records import REUSED, TrialRow
from analysis.report.spent import lines


def ran(number: int, steps: float, outcome: str = "complete", begins: float = 0, **changes: object) -> TrialRow:
    made = row(number, 1.0, {}, steps=steps, planned_steps=100.0, seconds=60.0)
    times = {"started": begins, "ended": begins + 60}
    return dataclasses.replace(made, outcome=outcome, **{**times, **changes})  # type: ignore[arg-type]


def told(*rows: TrialRow, **tags: str) -> str:
    sweep = dataclasses.replace(sweep_of(rows), tags=tags)
    return "\n".join(lines(Evidence(sweep, places_of(rows[:1]), Patterns())))


def test_trials_steps_and_time_are_added_up_by_outcome() -> None:
    text = told(ran(0, 100), ran(1, 40, "pruned", 30), ran(2, 10, "out_of_memory", 200), ran(3, 80, begins=300))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert cells[2:] == [
        ["complete", "2", "180", "200", "2.0 min"],
        ["pruned", "1", "40", "100", "60.0 s"],
        ["out of memory", "1", "10", "100", "60.0 s"],
        ["all", "4", "230", "400", "4.0 min"],
    ]
    assert "Saved by pruning: 60 steps, 15 % of the 400 planned, in 1 trial." in text
    assert "Not run since trials failed, diverged or were stopped: 90 steps, in 1 trial." in text
    assert "early stopping: 20 steps, in 1 trial." in text
    assert "Wall clock while at least one trial ran or waited at a rung: 3.5 min" in text  # 0-90, 200-260, 300-360


def test_what_stages_asked_for_again_is_saved_by_reuse() -> None:
    rows = [ran(0, 100, stage="ranks"), ran(1, 100, stage="rates"), ran(2, 100, stage="rates")]
    text = told(*rows, **{REUSED: json.dumps({"trials": 2, "steps": 1200})})
    assert "Saved by reuse: 1,200 steps; stages asked for 2 trials that an earlier stage had measured." in text
    assert "| ranks |      1 |" in text and "| rates |      2 |" in text
    assert "reuse" not in told(*rows, **{REUSED: json.dumps({"trials": 0, "steps": 0})})


def test_what_is_not_known_is_said() -> None:
    unknown = dataclasses.replace(row(0, 1.0), metrics={"eval_loss": 1.0})
    text = told(unknown)
    assert "| complete |      1 | not recorded | not recorded | not recorded |" in text
    assert "- Time: not recorded." in text and "Wall clock" not in text
    assert "60.0 s; of 1 trial it is not recorded." in told(ran(0, 100), dataclasses.replace(unknown, number=1))


def test_trials_without_a_result_are_named_with_their_reasons() -> None:
    failed = [ran(at, 4, "diverged", reason="loss *not* finite", swept=("lora.r",)) for at in range(1, 13)]
    text = told(ran(0, 100), *failed)
    assert "- exp2 (lora.r=8): diverged, loss \\*not\\* finite" in text
    assert text.count(": diverged,") == 10 and "- 2 more: `lora-report leaderboard` names them all." in text
    assert "Without a result" not in told(ran(0, 100), ran(1, 40, "pruned"))
