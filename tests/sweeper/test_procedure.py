"""Procedures are validated when loaded, and every branch of them is driven by recorded curves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from planned import planned
from shell import Shell

from benchmarks.arrivals import conduct, understood
from sweeper.candidates import Candidate
from sweeper.event_log import read as read_log
from sweeper.history import History
from sweeper.procedure import Neighbours, Stage
from sweeper.procedure_file import read
from sweeper.settled import Outcome, Settled
from sweeper.stage_points import points
from sweeper.validation import ConfigurationError

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


def rank(tmp_path: Path, rows: dict[tuple[int, float], Any], *more: str) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Returns (rank, dropout) of the trials that each stage ran, and what each stage decided."""
    path = table(tmp_path, rows)
    return ran(*conduct(tmp_path / "s", understood(path, "procedure=rank", *more), path)[:2])


def ran(history: History, reasons: dict[str, str]) -> tuple[dict[str, list[Any]], dict[str, str]]:
    found: dict[str, list[Any]] = {}
    for trial in history.contenders:
        lora = trial.config["lora"]
        found.setdefault(trial.stage, []).append((lora["r"], lora["dropout"]))
    return found, reasons


def test_the_smallest_rank_within_the_noise_wins(tmp_path: Path) -> None:
    better = ([2.0, 1.8, 1.6, 1.4], [2.0, 1.8, 1.7, 1.5])
    close = ([2.0, 1.8, 1.6, 1.4], [2.0, 1.8, 1.7, 1.499])
    trials, reasons = rank(tmp_path, {(8, 0.05): better, (16, 0.05): close})
    reason = "lora.r=8 (1.5000) is the first listed within the noise of the best, lora.r=16"
    assert reasons["ranks"].startswith(reason)
    # The sanity run is as long as the whole one here, and so is rank 8's trial already.
    assert trials == {"sanity": [(8, 0.05)], "ranks": [(4, 0.05), (16, 0.05)]}
    assert reasons["more_dropout"] == "skipped: ranks: the winner does not overfit"


def test_a_short_stage_is_a_trial_of_its_own(tmp_path: Path) -> None:
    trials, _ = rank(tmp_path, {}, "training.max_steps=1000")
    assert trials["sanity"] == [(8, 0.05)] and trials["ranks"] == [(4, 0.05), (8, 0.05), (16, 0.05)]


def test_a_winner_that_overfits_is_run_again_with_more_dropout(tmp_path: Path) -> None:
    trials, _ = rank(tmp_path, {(r, 0.05): OVERFIT for r in (4, 8, 16)})
    assert trials["more_dropout"] == [(4, 0.1)] and "less_dropout" not in trials


def test_where_all_underfit_less_dropout_is_tried(tmp_path: Path) -> None:
    trials, _ = rank(tmp_path, {(r, 0.05): FLAT for r in (4, 8, 16)})
    assert trials["less_dropout"] == [(4, 0.0), (4, 0.03)] and "more_dropout" not in trials


def test_values_of_the_command_line_replace_the_priors(tmp_path: Path) -> None:
    trials, _ = rank(tmp_path, {}, "lora.r=4,16")
    assert trials["ranks"] == [(4, 0.05), (16, 0.05)]


def test_values_of_the_command_line_leave_what_follows_a_winner() -> None:
    stages = planned("learning_rate", "training.learning_rate=1e-3,2e-3")
    assert stages["coarse"]["vary"] == {"training.learning_rate": [1e-3, 2e-3]}
    assert len(stages["fine"]["vary"]["training.learning_rate"]) == 5


def test_an_unstable_sanity_run_ends_the_procedure(tmp_path: Path) -> None:
    wild = ([2.0, 1.8, float("nan"), 1.4], [2.0, 1.8, float("nan"), 1.6])
    trials, reasons = rank(tmp_path, {(8, 0.05): wild})
    assert set(trials) == {"sanity"} and reasons["ranks"] == "skipped: sanity: it has no winner"


def test_a_procedure_continues_where_it_was(shell: Shell, tmp_path: Path) -> None:
    path = table(tmp_path, {(r, 0.05): OVERFIT for r in (4, 8, 16)})
    asked = ("-m", "procedure=rank", "trainer=replay", f"replay.table={path}", "executor=inline", "sweep.name=s")
    done = shell.sweep(*asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Settled: lora.r=4 (held: lora.dropout=0.05)" in done.stdout  # the challenger lost
    log = shell.folder / "runs/s/events.jsonl"
    records = read_log(log)
    ended = [index for index, item in enumerate(records) if item["event"] == "ended"]
    log.write_text("".join(json.dumps(item) + "\n" for item in records[: ended[2] + 1]))
    again = shell.sweep(*asked)
    assert again.returncode == 0, again.stdout + again.stderr
    for kind, key in (("proposed", "trial"), ("chosen", "reason")):
        assert [i[key] for i in read_log(log) if i["event"] == kind] == [i[key] for i in records if i["event"] == kind]
    reused = [[item.get("reused") for item in found if item["event"] == "chosen"] for found in (records, read_log(log))]
    # The sanity run is one of the ranks'; what a procedure goes on with after an interruption is no reuse.
    assert reused[0] == reused[1] and reused[0][1] == {"trials": 1, "steps": 200}
    board = shell.report("leaderboard", "s").stdout
    assert "Decisions, stage by stage:" in board and "- ranks: lora.r=4 (1.4000)" in board
    assert (shell.folder / "runs/s/decisions.md").read_text().startswith("# Decisions")


def test_the_plan_names_what_depends_on_winners() -> None:
    named = planned("rank")
    assert list(named) == ["sanity", "ranks", "higher_rank", "more_dropout", "less_dropout", "recall", "precision"]
    assert named["recall"]["when"] == "never: trials are not compared by F1" and not named["recall"]["trials"]
    assert named["ranks"]["vary"] == {"lora.r": [4, 8, 16]} and named["ranks"]["hold"]["lora.dropout"] == 0.05
    assert named["more_dropout"]["when"] == "ranks: winner overfits"
    assert named["more_dropout"]["trials"] == [{"lora.dropout": 0.1, "lora.r": "<winner:ranks>"}]
    assert [trial["lora.dropout"] for trial in named["less_dropout"]["trials"]] == [0.0, 0.03]


def test_a_bias_that_trains_nothing_is_no_comparison(tmp_path: Path) -> None:
    lines = ["lora.bias,step,eval_loss,trainable_parameters"]
    lines += [f"{bias},50,{loss},1000" for bias, loss in (("none", 1.0), ("lora_only", 0.9), ("all", 0.8))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "t.csv"
    _, reasons, _ = conduct(tmp_path / "s", understood(path, "procedure=bias"), path)
    assert "nothing was compared" in reasons["three"] and "skipped" in reasons["confirm"]


def test_a_rate_at_which_the_loss_blows_up_bounds_the_sweep(tmp_path: Path) -> None:
    lines = ["training.lr_scheduler_type,training.learning_rate,step,loss,learning_rate,eval_loss"]
    for step in range(1, 11):
        rate, loss = 1e-6 * 10 ** (step / 2), 3.0 if step < 6 else 30.0
        lines.append(f"range_test,0.1,{10 * step},{loss},{rate},{loss}")
    for factor in (0.5, 0.75, 1, 1.25, 1.5):
        for base in (5e-5, 1e-4, 2e-4, 4e-4, 8e-4):
            rate = float(f"{base * factor:.10g}")
            row = f"linear,{rate!r},10,2.0,{rate},{2 - rate * 1000}"
            lines += [] if row in lines else [row]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "t.csv"
    history, reasons, _ = conduct(tmp_path / "s", understood(path, "procedure=learning_rate"), path)
    assert "the loss blows up at 0.001" in reasons["range_test"]
    coarse = [trial.params["training.learning_rate"] for trial in history.contenders if trial.stage == "coarse"]
    assert coarse == [5e-5, 1e-4, 2e-4]  # 30 % of 1e-3 is 3e-4
    assert "training.learning_rate=0.0002 " in reasons["coarse"]
    assert "has the best mean over 3 seeds" in reasons["confirm"]


def test_an_axis_that_no_stage_varies_is_refused(table: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no stage that varies it"):
        understood(table, "procedure=rank", "training.weight_decay=0,0.1")


def test_a_procedure_of_ones_own(shell: Shell, tmp_path: Path) -> None:
    own = tmp_path / "mine" / "procedure" / "two.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("name: two\nstages:\n  only: {vary: {lora.r: [4, 8]}, choose: {rule: smallest}}\n")
    path = table(tmp_path, {})
    asked = ("--config-dir", "mine", "procedure=two", "trainer=replay", f"replay.table={path}", "lora.dropout=0.05")
    done = shell.sweep("-m", *asked, "executor=inline")
    assert done.returncode == 0, done.stderr
    assert "Stage only: lora.r=4 (1.6000)" in done.stdout
    own.write_text("name: two\nstages:\n  only: {vary: {lora.rnk: [4, 8]}}\n")
    done = shell.sweep("-m", *asked, "executor=inline")
    assert (
        done.returncode == 2 and "procedure.stages.only.vary.lora.rnk" in done.stderr and "try: lora.r" in done.stderr
    )


def test_neighbours_of_a_stage_without_a_winner_are_the_configurations_own() -> None:
    rates = [1e-4, 2e-4, 4e-4]
    failed = Outcome(Stage(), tuple(Candidate({"training.learning_rate": rate}, ()) for rate in rates))
    settled = Settled(outcomes={"rate": failed}, base={"training.learning_rate": 2e-4})
    again = Stage(vary={"training.learning_rate": Neighbours("rate")})
    assert [point["training.learning_rate"] for point in points(again, settled, {})] == rates
