"""Procedures are validated when loaded, and every branch of them is driven by recorded curves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shell import Shell

from sweeper.event_log import read as read_log
from sweeper.procedure import read

KNOWN = [
    "lora.r",
    "lora.dropout",
    "lora.gain",
    "training.learning_rate",
    "training.lr_scheduler_kwargs",
    "quantization",
]


def problems(text: str) -> list[str]:
    return [str(item) for item in read(yaml.safe_load(text), KNOWN)[1]]


def stages(text: str) -> str:
    return f"name: p\nstages:\n  first: {{vary: {{lora.r: [4, 8]}}}}\n  second: {text}\n  third: {{}}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: p", ["procedure.stages", "at least one stage"]),
        ("{name: p, stages: {}}", ["procedure.stages", "at least one stage"]),
        (stages("{choose: {rule: bestest}}"), ["stages.second.choose.rule=bestest", "no such rule; try: best"]),
        (stages("{when: [{stage: third, is: has_winner}]}"), ["second.when.0.stage=third", "is a later stage"]),
        (stages("{when: [{stage: frist, is: has_winner}]}"), ["second.when.0.stage=frist", "such stage; try: first"]),
        (stages("{when: [{stage: first, is: overfit}]}"), ["second.when.0.is=overfit", "no such condition"]),
        (stages("{takes: third}"), ["second.takes=third", "is a later stage"]),
        (stages("{challenges: second}"), ["second.challenges=second", "is a later stage"]),
        (stages("{vary: {lora.rnk: [1]}}"), ["second.vary.lora.rnk", "no such parameter; try: lora.r"]),
        (stages("{vary: {lora: {rnk: [1]}}}"), ["second.vary.lora.rnk", "no such parameter"]),
        (stages("{vary: {lora.r: []}}"), ["second.vary.lora.r", "at least 1 item"]),
        (stages("{vary: {lora.r: {prior: rank}}}"), ["second.vary.lora.r.prior=rank", "no such prior; try: ranks"]),
        (stages("{hold: {lora.drop: 0}}"), ["second.hold.lora.drop", "no such parameter"]),
        (stages("{cases: [{lora.rr: 1}]}"), ["second.cases.0.lora.rr", "no such parameter"]),
        (stages("{budget: {share: 2}}"), ["second.budget.share=2", "less than or equal to 1"]),
        (stages("{budgets: {share: 0.5}}"), ["second.budgets", "no such setting"]),
        (stages("{keep: 0}"), ["second.keep=0", "greater than or equal to 1"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, says: list[str]) -> None:
    found = problems(text)
    assert found and all(word in found[0] for word in says), found


def test_all_problems_come_at_once() -> None:
    assert len(problems(stages("{choose: {rule: x}, takes: third, vary: {lora.rr: [1]}}"))) == 3


def curve(r: int, dropout: float, losses: Iterable[float], evals: Iterable[float], **more: Any) -> list[str]:
    extra = "".join(f",{value}" for value in more.values())
    return [
        f"{r},{dropout},{50 * index},{loss},{value}{extra}"
        for index, (loss, value) in enumerate(zip(losses, evals, strict=True), start=1)
    ]


GOOD = ([2.0, 1.8, 1.6, 1.4], [2.0, 1.8, 1.7, 1.6])
OVERFIT = ([2.0, 1.5, 1.0, 0.5], [1.6, 1.4, 1.55, 1.7])
FLAT = ([2.0, 2.0, 2.0, 2.0], [2.0, 2.0, 1.999, 1.998])


def table(folder: Path, rows: dict[tuple[int, float], Any]) -> Path:
    lines = ["lora.r,lora.dropout,step,loss,eval_loss"]
    for r in (4, 8, 16):
        for dropout in (0.0, 0.03, 0.05, 0.1):
            lines += curve(r, dropout, *rows.get((r, dropout), GOOD))
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def decided(shell: Shell) -> dict[str, str]:
    (log,) = shell.folder.glob("runs/*/events.jsonl")
    return {item["stage"]: item["reason"] for item in read_log(log) if item["event"] == "chosen"}


def ran(shell: Shell) -> dict[str, list[Any]]:
    (log,) = shell.folder.glob("runs/*/events.jsonl")
    found: dict[str, list[Any]] = {}
    for item in read_log(log):
        if item["event"] == "proposed":
            found.setdefault(item["stage"], []).append((item["params"].get("lora.r"), item["params"]["lora.dropout"]))
    return found


def rank(shell: Shell, path: Path, *more: str) -> str:
    done = shell.sweep("-m", "procedure=rank", "trainer=replay", f"replay.table={path}", "executor=inline", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_smallest_rank_within_the_noise_wins(shell: Shell, tmp_path: Path) -> None:
    better = ([2.0, 1.8, 1.6, 1.4], [2.0, 1.8, 1.7, 1.5])
    close = ([2.0, 1.8, 1.6, 1.4], [2.0, 1.8, 1.7, 1.499])
    rank(shell, table(tmp_path, {(8, 0.05): better, (16, 0.05): close}))
    assert decided(shell)["ranks"].startswith(
        "lora.r=8 (1.5000) is the first listed within the noise of the best, lora.r=16"
    )
    assert set(ran(shell)) == {"sanity", "ranks"}
    assert "not winner overfits" in decided(shell)["more_dropout"]


def test_a_winner_that_overfits_is_run_again_with_more_dropout(shell: Shell, tmp_path: Path) -> None:
    rank(shell, table(tmp_path, {(r, 0.05): OVERFIT for r in (4, 8, 16)}))
    assert ran(shell)["more_dropout"] == [(4, 0.1)] and "less_dropout" not in ran(shell)


def test_where_all_underfit_less_dropout_is_tried(shell: Shell, tmp_path: Path) -> None:
    rank(shell, table(tmp_path, {(r, 0.05): FLAT for r in (4, 8, 16)}))
    assert ran(shell)["less_dropout"] == [(4, 0.0), (4, 0.03)] and "more_dropout" not in ran(shell)


def test_values_of_the_command_line_replace_the_priors(shell: Shell, tmp_path: Path) -> None:
    rank(shell, table(tmp_path, {}), "lora.r=8,16")
    assert [r for r, _ in ran(shell)["ranks"]] in ([8, 16], [16])  # the sanity run was rank 8 already


def test_a_procedure_continues_where_it_was(shell: Shell, tmp_path: Path) -> None:
    path = table(tmp_path, {(r, 0.05): OVERFIT for r in (4, 8, 16)})
    rank(shell, path)
    (log,) = shell.folder.glob("runs/*/events.jsonl")
    calm, records = decided(shell), read_log(log)
    ended = [index for index, item in enumerate(records) if item["event"] == "ended"]
    log.write_text("".join(json.dumps(item) + "\n" for item in records[: ended[2] + 1]))
    rank(shell, path)
    assert decided(shell) == calm
    assert sum(item["event"] == "proposed" for item in read_log(log)) == sum(i["event"] == "proposed" for i in records)
    assert "is complete: nothing left to train" in rank(shell, path)


def test_the_plan_names_what_depends_on_winners(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "sweep.dry_run=json")
    plan = json.loads(done.stdout)
    named = {stage["name"]: stage for stage in plan["stages"]}
    assert list(named) == ["sanity", "ranks", "higher_rank", "more_dropout", "less_dropout"]
    assert named["ranks"]["vary"] == {"lora.r": [4, 8, 16]} and named["ranks"]["hold"]["lora.dropout"] == 0.05
    assert named["more_dropout"]["when"] == "ranks: winner overfits"
    assert named["more_dropout"]["trials"] == [{"lora.dropout": 0.1, "lora.r": "<winner:ranks>"}]
    assert [trial["lora.dropout"] for trial in named["less_dropout"]["trials"]] == [0.0, 0.03]
    assert not (shell.folder / "runs").exists()


def test_an_axis_that_no_stage_varies_is_refused(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "training.weight_decay=0,0.1", "sweep.dry_run=true")
    assert done.returncode == 2 and "has no stage that varies it; it varies lora.dropout, lora.r" in done.stderr
    done = shell.sweep("procedure=rank")
    assert done.returncode == 2 and "lora-sweep -m procedure=…" in done.stderr


def test_a_procedure_of_ones_own(shell: Shell, tmp_path: Path) -> None:
    own = tmp_path / "mine" / "procedure" / "two.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("name: two\nstages:\n  only: {vary: {lora.r: [4, 8]}, choose: {rule: smallest}}\n")
    path = table(tmp_path, {})
    asked = ("--config-dir", "mine", "procedure=two", "trainer=replay", f"replay.table={path}", "lora.dropout=0.05")
    done = shell.sweep("-m", *asked, "executor=inline")
    assert done.returncode == 0, done.stderr
    assert decided(shell)["only"].startswith("lora.r=4 (1.6000)")
    own.write_text("name: two\nstages:\n  only: {vary: {lora.rnk: [4, 8]}}\n")
    done = shell.sweep("-m", *asked, "executor=inline")
    assert (
        done.returncode == 2 and "procedure.stages.only.vary.lora.rnk" in done.stderr and "try: lora.r" in done.stderr
    )
