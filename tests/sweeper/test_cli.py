"""The command line, as a user runs it, on recorded curves."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shell import Shell

from sweeper.event_log import read

SPACE = ("lora.r=8,16", "training.learning_rate=1e-4,2e-4")


def replayed(table: Path, *more: str, executor: str = "inline") -> list[str]:
    return ["-m", "trainer=replay", f"replay.table={table}", "sweep.name=s", f"executor={executor}", *more]


def outcomes(folder: Path, name: str = "s") -> dict[str, str]:
    records = read(folder / "runs" / name / "events.jsonl")
    return {record["trial"]: record["outcome"] for record in records if record["event"] in {"ended", "failed"}}


def test_a_grid_runs_whole_and_is_ranked(shell: Shell, table: Path) -> None:
    done = shell.run("sweeper", *replayed(table, *SPACE))
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert done.stderr == ""
    losses = [float(line.split("|")[3]) for line in lines[2:]]
    assert losses == sorted(losses) and losses[0] == 1.34 and len(losses) == 4
    assert list(outcomes(shell.folder).values()) == ["complete"] * 4


def test_it_writes_nowhere_else(shell: Shell, table: Path) -> None:
    shell.run("sweeper", *replayed(table, *SPACE))
    assert {path.name for path in shell.folder.iterdir()} == {"runs", "mlflow.db", "curves.csv"}
    assert {path.name for path in (shell.folder / "runs").iterdir()} == {"s"}


def test_the_same_command_continues_and_a_done_sweep_says_so(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    before = (shell.folder / "runs/s/events.jsonl").read_bytes()
    again = shell.sweep(*replayed(table, *SPACE))
    assert again.returncode == 0 and "nothing left to train" in again.stdout
    assert "exp4_r16_a32_d05_linear_emotion" in again.stdout
    assert (shell.folder / "runs/s/events.jsonl").read_bytes() == before


def test_more_values_keep_what_was_measured(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, "lora.r=8", "training.learning_rate=1e-4,2e-4"))
    first = outcomes(shell.folder)
    done = shell.sweep(*replayed(table, *SPACE))
    assert "2 of them measured already" in done.stdout
    assert list(outcomes(shell.folder))[:2] == list(first) and len(outcomes(shell.folder)) == 4


def test_a_sampled_search_ends_at_its_number(shell: Shell, table: Path) -> None:
    done = shell.sweep(
        *replayed(table, "lora.r=8,16", "training.learning_rate=1e-4,2e-4", "sampler=tpe", "sweep.n_trials=3")
    )
    assert done.returncode == 0, done.stderr
    assert len(outcomes(shell.folder)) == 3
    more = shell.sweep(
        *replayed(table, "lora.r=8,16", "training.learning_rate=1e-4,2e-4", "sampler=tpe", "sweep.n_trials=9")
    )
    assert more.returncode == 0 and len(outcomes(shell.folder)) == 4  # the space has no more


@pytest.mark.parametrize(("executor", "workers"), [("inline", 1), ("local", 1), ("local", 2)])
def test_executors_record_the_same_curves(shell: Shell, table: Path, executor: str, workers: int) -> None:
    shell.sweep(*replayed(table, *SPACE, f"executor.workers={workers}", executor=executor))
    records = read(shell.folder / "runs/s/events.jsonl")
    ids = {record["number"]: record["trial"] for record in records if record["event"] == "proposed"}
    rungs = [
        [
            (record["step"], record["values"])
            for record in records
            if record["event"] == "rung" and record["trial"] == ids[number]
        ]
        for number in range(4)
    ]
    assert [[step for step, _ in curve] for curve in rungs] == [[10, 20, 30]] * 4
    assert rungs[0][0][1] == {"eval_loss": 1.72, "eval_macro_f1": 0.4267}


def test_a_missing_configuration_fails_that_trial_alone(shell: Shell, table: Path) -> None:
    done = shell.sweep(*replayed(table, "lora.r=8,12"))
    assert sorted(outcomes(shell.folder).values()) == ["failed", "failed"]  # 2e-3 is in no row
    assert done.returncode == 1 and "nearest: lora.r=" in done.stdout


def test_pruned_trials_are_killed_runs_that_are_counted(shell: Shell, tmp_path: Path) -> None:
    lines = ["lora.r,step,eval_loss"]
    for r in (1, 2, 4, 8, 16, 32):
        lines += [f"{r},{step},{r - step / 10}" for step in (1, 2, 3, 4)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    pruner = ("pruner=median", "pruner.kwargs.n_startup_trials=2", "pruner.kwargs.n_warmup_steps=0")
    done = shell.sweep(*replayed(tmp_path / "t.csv", "lora.r=1,2,4,8,16,32", *pruner))
    assert done.returncode == 0, done.stderr
    found = list(outcomes(shell.folder).values())
    assert found.count("pruned") == 4 and found.count("complete") == 2
    assert "Trials: 2 complete, 4 pruned." in done.stdout and "pruned: median: eval_loss" in done.stdout
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    runs = client.search_runs(["1"], "tags.outcome = 'pruned'")
    assert {run.info.status for run in runs} == {"KILLED"} and len(runs) == 4


def test_a_plain_command_trains_one_trial(shell: Shell, table: Path) -> None:
    one = (
        "trainer=replay",
        f"replay.table={table}",
        "training.learning_rate=1e-4",
        "executor=inline",
        "sweep.name=one",
    )
    done = shell.sweep(*one)
    assert done.returncode == 0, done.stderr
    assert "exp1_r8_a16_d05_linear_emotion  eval_loss 1.5200 at step 30  complete" in done.stdout


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["lora.rnk=4,8", "training.learnin_rate=1,2"], ["2 problems", "try: lora.r", "try: training.learning_rate"]),
        (["lora.r=0,8"], ["lora.r=0", "at least 1"]),
        (["lora.dropout=-0.1,0.05"], ["lora.dropout=-0.1"]),
        (["lora.alpha=16", "lora.gain=2"], ["lora.alpha=16", "only one"]),
        (["training.learning_rate=nan"], ["training.learning_rate=nan"]),
        (
            ["lora.r=0", "training.learning_rate=-1", "lora.dropout=2"],
            ["3 problems", "lora.r=0", "learning_rate=-1", "dropout=2"],
        ),
        (["lora.r=many"], ["lora.r=many", "integer"]),
        (["lora.dtype=float8"], ["lora.dtype=float8", "float32"]),
        (["sampler=tpe"], ["sweep.n_trials", "how many"]),
        (["sampler=grid", "lora.dropout=interval(0,0.1)"], ["sampler=grid", "interval"]),
        (["sweep.n_trials=0", "sampler=tpe"], ["sweep.n_trials=0"]),
        (["replay.table=nowhere.csv"], ["replay.table=nowhere.csv"]),
    ],
)
def test_bad_input_is_told_before_anything_is_written(
    shell: Shell, table: Path, overrides: list[str], wanted: list[str]
) -> None:
    done = shell.sweep(*replayed(table, *overrides))
    assert done.returncode == 2
    assert all(word in done.stderr for word in wanted), done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in shell.folder.iterdir()] == ["curves.csv"]


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["data=path", "data.path=nowhere.jsonl"], ["nowhere.jsonl", "does not exist"]),
        (["model=path", "model.path=./nowhere"], ["model.path=./nowhere", "config.json"]),
        (["data.labels=[happy,sad]"], ["unknown label", "known are happy, sad"]),
    ],
)
def test_missing_files_are_told_before_anything_trains(shell: Shell, overrides: list[str], wanted: list[str]) -> None:
    done = shell.sweep(*overrides)
    assert done.returncode == 2 and all(word in done.stderr for word in wanted), done.stderr
    assert list(shell.folder.iterdir()) == []


def test_a_table_that_is_no_table(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("lora.r,eval_loss\n8,good\n")
    done = shell.sweep(*replayed(tmp_path / "t.csv", "lora.r=8"))
    assert done.returncode == 2 and "no table of curves" in done.stderr


def test_mlflow_is_made_anew_from_the_log(shell: Shell, table: Path) -> None:
    lines = [line.rpartition(",")[0] for line in table.read_text().splitlines()]  # without the column of seconds
    table.write_text("\n".join(lines) + "\n")
    shell.sweep(*replayed(table, *SPACE))
    before = json.loads(shell.report("leaderboard", "--format", "json").stdout)
    (shell.folder / "mlflow.db").unlink()
    again = shell.sweep(*replayed(table, *SPACE))
    assert again.returncode == 0, again.stderr
    assert json.loads(shell.report("leaderboard", "--format", "json").stdout) == before


def test_another_metric_needs_another_name(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    other = shell.sweep(*replayed(table, *SPACE, "sweep.metric=eval_macro_f1"))
    assert other.returncode == 2 and "sweep.metric: eval_loss → eval_macro_f1" in other.stderr


def test_a_sampled_search_counts_its_own_trials(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    drawn = shell.sweep(
        *replayed(table, "lora.r=8", "training.learning_rate=1e-4", "lora.dropout=interval(0,0.2)", "sweep.n_trials=3")
    )
    assert drawn.returncode == 0, drawn.stderr
    assert len(outcomes(shell.folder)) == 7


def test_time_ends_a_search_that_nothing_else_ends(shell: Shell, table: Path) -> None:
    space = ("lora.r=8", "training.learning_rate=1e-4", "lora.dropout=interval(0,0.2)")
    done = shell.sweep(*replayed(table, *space, "sweep.timeout_s=2"))
    assert done.returncode == 0, done.stderr
    assert "as many trials as the time allows" in done.stdout and "The time is up." in done.stdout
    first = len(outcomes(shell.folder))
    assert first >= 2
    shell.sweep(*replayed(table, *space, "sweep.timeout_s=2"))
    assert len(outcomes(shell.folder)) > first


def test_a_search_that_time_ends_names_a_winner_of_its_brackets(shell: Shell, table: Path) -> None:
    space = ("lora.r=8", "training.learning_rate=1e-4", "lora.dropout=interval(0,0.2)")
    done = shell.sweep(*replayed(table, *space, "sweep.timeout_s=2", "pruner.kwargs={bracket: 6}", "pruner=halving"))
    assert done.returncode == 0, done.stderr
    found = list(outcomes(shell.folder).values())
    assert found.count("complete") >= 1 and found.count("pruned") >= 2 and None not in found


def test_paused_trials_are_not_lost_from_mlflow(shell: Shell, table: Path) -> None:
    """A sweep is stopped while all its trials are paused; every one of them has its run in the end, with all points."""
    asked = replayed(table, "lora.r=8,16", "training.learning_rate=1e-4,2e-4", "pruner=halving")
    log = shell.folder / "runs/s/events.jsonl"
    done = shell.sweep(*asked)
    assert done.returncode == 0, done.stderr
    records = read(log)
    last = max(index for index, record in enumerate(records) if record["event"] == "paused")
    log.write_text("".join(json.dumps(record) + "\n" for record in records[: last + 1]))
    (shell.folder / "mlflow.db").unlink()
    again = shell.sweep(*asked)
    assert again.returncode == 0, again.stderr
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    runs = client.search_runs(["1"], "tags.kind = 'trial'")
    assert sorted(run.data.tags["outcome"] for run in runs) == ["complete", "complete", "pruned", "pruned"]
    winner = next(run for run in runs if run.data.tags["outcome"] == "complete")
    assert [point.step for point in client.get_metric_history(winner.info.run_id, "eval_loss")] == [10, 20, 30]


def test_points_that_are_one_trial_are_counted_once(shell: Shell, table: Path) -> None:
    done = shell.sweep(*replayed(table, "training.learning_rate=1e-4", "lora.gain=2,2.01"))
    assert done.returncode == 0 and len(outcomes(shell.folder)) == 1
    assert "1 trial (1 of 2 points is the same trial as another)" in done.stdout


def test_mlflow_agrees_with_the_log(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    (parent,) = client.search_runs(["1"], "tags.kind = 'sweep'")
    children = client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert parent.info.status == "FINISHED" and len(children) == 4
    assert "exp4_r16_a32_d05_linear_emotion" in parent.data.tags["mlflow.note.content"]
    records = read(shell.folder / "runs/s/events.jsonl")
    for run in children:
        rungs = [item for item in records if item["event"] == "rung" and item["trial"] == run.data.tags["trial"]]
        curve = client.get_metric_history(run.info.run_id, "eval_loss")
        assert [(item.step, item.value) for item in curve] == [
            (item["step"], item["values"]["eval_loss"]) for item in rungs
        ]
        assert run.data.metrics["best_eval_loss"] == min(item.value for item in curve)
        assert run.data.metrics["final_eval_loss"] == curve[-1].value
        assert run.data.params["lora.alpha"] == str(2 * int(run.data.params["lora.r"]))
        assert run.data.params["executor.threads"] == "1"
        assert (run.info.status, run.data.tags["outcome"], run.data.tags["stage"]) == ("FINISHED", "complete", "search")


def test_optunas_storage_holds_every_trial(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    with sqlite3.connect(shell.folder / "runs/s/study.db") as database:
        assert database.execute("select count(*) from trials where state = 'COMPLETE'").fetchone() == (4,)


def test_the_report_reads_mlflow_alone(shell: Shell, table: Path) -> None:
    shell.sweep(*replayed(table, *SPACE))
    for path in (shell.folder / "runs/s").iterdir():
        path.unlink() if path.is_file() else None
    board = json.loads(shell.report("leaderboard", "--format", "json").stdout)
    assert (board["sweep"], board["metric"]) == ("s", "eval_loss")
    first = board["rows"][0]
    assert (first["place"], first["lora.r"], first["training.learning_rate"], first["lora.alpha"]) == (1, 16, 2e-4, 32)
    assert first["eval_loss"] == pytest.approx(1.34) and first["eval_macro_f1"] == pytest.approx(1 - 1.34 / 3, abs=1e-4)
