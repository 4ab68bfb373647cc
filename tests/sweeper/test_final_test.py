"""The winner is measured on the test rows: once, after selection, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from shell import Shell

from analysis import recording
from sweeper.event_log import read
from sweeper.ledger import Ledger
from sweeper.recorded_sweep import recorded

TEST = [("what a glad day", "happy"), ("tears again", "sad"), ("the room is empty", "sad"), ("best morning", "happy")]


def put(shell: Shell, *rows: tuple[str, str]) -> None:
    text = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    (shell.folder / "test.jsonl").write_text(text)


def measured_in(shell: Shell) -> list[dict[str, Any]]:
    return [record for record in read(shell.folder / "runs/s/events.jsonl") if record["event"] == "tested"]


@pytest.fixture
def command(shell: Shell, micro_sweep: Callable[..., list[str]]) -> list[str]:
    put(shell, *TEST)
    more = ("executor=inline", "data.test_path=test.jsonl", "training.eval_steps=3", "training.logging_steps=3")
    return ["-m", "sweep.name=s", *micro_sweep(*more), "sweep.metric=eval_loss", "training.seed=1,2"]


def test_once_after_selection_and_told_everywhere(shell: Shell, command: list[str]) -> None:
    log = shell.folder / "runs/s/events.jsonl"
    more = ("sweep.keep_adapters=all", "sweep.report=true")
    done = shell.sweep(*command, *more, "training.learning_rate=1e-5")
    assert done.returncode == 0, done.stderr
    assert "Measuring the winner on the test rows: 4 of test.jsonl" in done.stdout
    assert "(4 rows, measured once, mean of 2 seeds): test_loss " in done.stdout
    made, records = measured_in(shell), read(log)
    ledger = Ledger("s", records)
    (base, *winners) = ledger.records.trials
    assert [record["trial"] for record in made] == [*(row.trial for row in winners), base.trial]
    assert all(record["facts"]["rows"] == 4 and record["step"] in {0, 3, 6} for record in made)
    events = [record["event"] for record in records]
    assert max(at for at, name in enumerate(events) if name == "ended") < events.index("tested")
    assert events.index("tested") < events.index("closed")
    report = (shell.folder / "runs/s/report.md").read_text()
    assert "## Test\n" in report and "measured on 4 test rows of `test.jsonl`" in report and "Untrained base" in report
    assert "# Test of " in (shell.folder / "runs/s/best.yaml").read_text()

    # A driver that is killed between two tests has written the first.
    whole = log.read_text()
    log.write_text(whole[: whole[: whole.index(json.dumps(made[1]))].rindex("\n") + 1])
    again = shell.sweep(*command, "sweep.keep_adapters=all", "training.learning_rate=1e-5")
    assert "nothing left to train" in again.stdout and again.returncode == 0, again.stderr
    assert [record["values"] for record in measured_in(shell)] == [record["values"] for record in made]
    assert measured_in(shell)[0] == made[0]

    wider = (*command, "sweep.keep_adapters=all", "training.learning_rate=1e-5,2e-2")
    found = shell.sweep(*wider)
    assert found.returncode == 0 and len(measured_in(shell)) == 5, found.stderr
    assert "These rows were looked at for 2 configurations by now" in found.stdout
    put(shell, *TEST[:2])
    other = shell.sweep(*wider)
    assert "The test rows are not those of before: the winner is measured anew." in other.stdout
    assert [record["facts"]["rows"] for record in measured_in(shell)] == [4, 4, 4, 4, 4, 2, 2, 2]
    assert "(2 rows, measured once" in other.stdout and "looked at" not in other.stdout
    records = read(log)
    last = shell.sweep(*wider)
    assert "nothing left to train" in last.stdout and "Measuring" not in last.stdout and read(log) == records
    _is_shown(shell, Ledger("s", records))


def _is_shown(shell: Shell, ledger: Ledger) -> None:
    """MLflow holds what the log says, and can be made from it anew; leaderboards have the means over seeds."""
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    shown, mine = recording.read(client, "lora-sweeper", "s"), recorded(ledger)
    assert shown.records == mine.records and sum(row.test is not None for row in mine.records.trials) == 5
    winners = [row for row in mine.records.trials if row.params["training.learning_rate"] == 2e-2]
    measured = shown.curve(winners[0].trial).measured
    assert "perplexity" in measured and not any(name.startswith("test_") for name in measured)  # it is no evaluation
    told = json.loads(shell.report("leaderboard", "s", "--format", "json").stdout)["rows"][0]
    assert told["test_loss"] == pytest.approx(sum(row.metrics["test_loss"] for row in winners) / 2)
    runs = client.search_runs([client.get_experiment_by_name("lora-sweeper").experiment_id])
    points = {run.info.run_id: client.get_metric_history(run.info.run_id, "test_loss") for run in runs}
    assert sum(map(len, points.values())) == 8  # of both kinds of rows
    assert shell.report("sync", "s").stdout == "s: nothing was missing\n"


def test_bad_rows_and_missing_files_are_told_before_anything_trains(shell: Shell, command: list[str]) -> None:
    put(shell, TEST[0], ("so so", "indifferent"))
    bad = shell.sweep(*command)
    assert bad.returncode == 2 and "test.jsonl" in bad.stderr and "'indifferent'; known are happy, sad" in bad.stderr
    (shell.folder / "test.jsonl").unlink()
    gone = shell.sweep(*command)
    assert gone.returncode == 2
    assert "data.test_path=test.jsonl: there is no such file or folder" in gone.stderr
    assert not (shell.folder / "runs").exists()


def test_a_plan_names_the_rows_and_those_of_them_that_are_trained_on(shell: Shell, command: list[str]) -> None:
    put(shell, ("best cake ever", "happy"), *TEST)
    planned = shell.sweep(*command, "sweep.dry_run=true")
    assert "Test: 5 rows of test.jsonl, measured once, for the winner" in planned.stdout
    assert "1 of 5 test rows are training or validation rows, too" in planned.stdout


def test_what_hinders_a_test_costs_nothing_else(shell: Shell, command: list[str]) -> None:
    one = [item for item in command if not item.startswith(("-m", "training.seed", "executor"))]
    one += ["sweep.reference=false", "sweep.keep_adapters=none"]
    unasked = shell.sweep(*one, "executor=inline", "sweep.test=false")
    assert unasked.returncode == 0 and "test rows" not in unasked.stdout
    none = shell.sweep(*one, "executor=inline")
    assert none.returncode == 0 and "Measuring" not in none.stdout
    assert "The winner was not measured on the 4 test rows: sweep.keep_adapters=none" in none.stdout
    torn = next(Path(shell.folder / "runs/s/trials").iterdir()) / "adapter/adapter_model.safetensors"
    torn.parent.mkdir()
    torn.write_bytes(b"torn")
    failed = shell.sweep(*one, "executor.workers=1")  # a process of its own
    assert failed.returncode == 0 and measured_in(shell) == []
    assert "The test rows could not be measured (" in failed.stdout and "the same command tries again" in failed.stdout
