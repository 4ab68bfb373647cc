"""The same command continues its sweep; what cannot be compared with it is refused, key by key."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from shell import Shell
from sqlalchemy import create_engine, text

from sweeper.command import derived_name
from sweeper.event_log import EventLog, LogError, read
from sweeper.space import parse

ROWS = ("lora.r=8", "training.learning_rate=1e-4,2e-4")


def named(*arguments: str) -> str:
    return derived_name(parse(arguments, lambda key: [])[0], arguments)


@pytest.mark.parametrize(
    "more",
    [
        ("executor=inline",),
        ("++executor.workers=2",),
        ("~executor.workers",),
        ("tracking.uri=postgresql://host/db",),
        ("+tracking.experiment=e",),
        ("sweep.n_trials=5", "sweep.fresh=true", "sweep.seed=3"),
    ],
)
def test_how_and_where_a_sweep_runs_is_no_part_of_its_name(more: tuple[str, ...]) -> None:
    command = ("lora.r=8,16", "lora.dropout=0.1")
    assert named(*more, *command) == named(*reversed(command), *more).replace("dropout-r", "r") == named(*command)


@pytest.mark.parametrize("other", ["lora.dropout=0.2", "trainer=sft", "sampler=tpe", "model=path", "lora.r=8,32"])
def test_anything_else_is(other: str) -> None:
    command = ("lora.r=8,16", "lora.dropout=0.1")
    assert named(*command, other) != named(*command)


def test_a_derived_name_is_a_folders_name() -> None:
    assert "/" not in derived_name(parse((), lambda key: [])[0], (), "../../etc")
    assert derived_name(parse((), lambda key: [])[0], (), "..").startswith("sweep-")
    many = tuple(f"training.kwargs.a_rather_long_name_{index}=1,2" for index in range(40))
    assert len(named(*many)) < 120


@pytest.fixture
def ask(shell: Shell, table: Path) -> Callable[..., str]:
    """Asks for a sweep called s, and returns what it says; `fails` where it is refused."""

    def run(*overrides: str, code: int = 0) -> str:
        base = ("-m", "trainer=replay", f"replay.table={table}", "executor=inline")
        name = () if any(item.startswith("sweep.name") for item in overrides) else ("sweep.name=s",)
        done = shell.sweep(*base, *name, *overrides)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return run


def told(message: str) -> list[str]:
    """Returns the lines that tell differences."""
    return [line.strip() for line in message.split("Two ways on", maxsplit=1)[0].splitlines()[1:]]


def test_what_is_held_must_stay_and_all_differences_are_told_at_once(ask: Callable[..., str], shell: Shell) -> None:
    ask(*ROWS)
    before = (shell.folder / "runs/s/events.jsonl").read_bytes()
    other = (
        "lora.dropout=0.1",
        "data.max_samples=50",
        "model.dtype=bfloat16",
        "+training.kwargs.adam_beta2=0.95",
    )
    (shell.folder / "runs/s-2").mkdir()
    refused = ask(*ROWS, *other, "sweep.metric=eval_macro_f1", code=2)
    assert sorted(told(refused)) == [
        "data.max_samples: null → 50",
        "lora.dropout: 0.05 → 0.1",
        "model.dtype: auto → bfloat16",
        "sweep.metric: eval_loss → eval_macro_f1",
        "training.kwargs.adam_beta2: null → 0.95",
    ]
    assert "sweep.name=s-3 begins" in refused and "sweep.fresh=true puts" in refused and "as s.1" in refused
    assert (shell.folder / "runs/s/events.jsonl").read_bytes() == before
    assert told(ask(*ROWS, "lora.dropout=0.1", "sweep.dry_run=true", code=2)) == ["lora.dropout: 0.05 → 0.1"]


def test_a_name_of_its_own_keeps_an_edited_configuration_apart(shell: Shell, table: Path) -> None:
    """The derived name stays the same where a file of one's own changes."""
    (shell.folder / "mine/lora").mkdir(parents=True)
    file = shell.folder / "mine/lora/own.yaml"
    default = (Path(__file__).parents[2] / "conf/lora/default.yaml").read_text()
    file.write_text(default)
    asked = (
        "-m",
        "--config-dir",
        "mine",
        "lora=own",
        "trainer=replay",
        f"replay.table={table}",
        "executor=inline",
        *ROWS,
    )
    assert shell.sweep(*asked).returncode == 0
    file.write_text(default.replace("dropout: 0.05", "dropout: 0.2"))
    refused = shell.sweep(*asked)
    assert refused.returncode == 2 and told(refused.stderr) == ["lora.dropout: 0.05 → 0.2"], refused.stderr


def test_more_trials_continue_and_fewer_are_complete(ask: Callable[..., str], shell: Shell) -> None:
    space = ("lora.r=8", "training.learning_rate=1e-4", "lora.dropout=interval(0,0.2)", "sampler=random")
    ask(*space, "sweep.n_trials=4")
    assert "nothing left to train" in ask(*space, "sweep.n_trials=3")
    assert "6 trials, 4 of them measured already" in ask(*space, "sweep.n_trials=6")
    log = read(shell.folder / "runs/s/events.jsonl")
    assert len([item for item in log if item["event"] == "proposed"]) == 6


def test_rank_and_alpha_are_not_confounded_by_continuing(ask: Callable[..., str]) -> None:
    """Alpha follows from gain and rank, until it is typed: then ranks would have other gains."""
    rate = "training.learning_rate=1e-4"
    ask("lora.r=8,16", rate)
    assert told(ask("lora.r=8,16", rate, "lora.alpha=16", code=2)) == ["lora.gain: 2 → lora.alpha=16"]
    assert told(ask("lora.r=8,16", rate, "lora.gain=1", code=2)) == ["lora.gain: 2 → 1"]


def test_what_is_measured_already_is_counted_among_what_is_asked_for(ask: Callable[..., str]) -> None:
    rate = "training.learning_rate=1e-4"
    ask("lora.r=8,16", rate)
    assert "2 trials, 1 of them measured already" in ask("lora.r=8,12", rate)


def test_a_fresh_sweep_puts_the_recorded_one_aside(ask: Callable[..., str], shell: Shell) -> None:
    storage = "sweep.storage=sqlite:///shared.db"
    assert "put aside" not in ask(*ROWS, storage, "sweep.fresh=true")
    first = (shell.folder / "runs/s/events.jsonl").read_bytes()
    assert "put aside as s.1" in ask("lora.r=16", ROWS[1], "lora.dropout=0.1", storage, "sweep.fresh=true")
    ask("lora.r=16", ROWS[1], "lora.dropout=0.1", storage)
    assert "put aside as s.2" in ask(*ROWS, storage, "sweep.fresh=true")
    assert (shell.folder / "runs/s.1/events.jsonl").read_bytes().startswith(first)
    boards = [json.loads(shell.report("leaderboard", name, "--format", "json").stdout) for name in ("s.1", "s.2", "s")]
    assert [{row["lora.r"] for row in board["rows"]} for board in boards] == [{8}, {16}, {8}]
    with create_engine(f"sqlite:///{shell.folder / 'shared.db'}").connect() as connection:
        studies = connection.execute(text("select study_name from studies order by 1")).scalars().all()
    assert studies == ["s", "s.1", "s.2"]


def test_databases_follow_later_where_they_did_not_answer(ask: Callable[..., str], shell: Shell) -> None:
    """As if MLflow had been down when the sweep was put aside, and nobody had got round to telling it."""
    ask(*ROWS)
    database = shell.folder / "mlflow.db"
    database.rename(shell.folder / "away.db")
    ask(*ROWS, "sweep.fresh=true")
    database.unlink()
    (shell.folder / "away.db").rename(database)
    ask(*ROWS)
    client = MlflowClient(f"sqlite:///{database}")
    runs = client.search_runs(["1"], "tags.kind = 'sweep'", order_by=["attributes.start_time"])
    assert [(run.info.run_name, run.data.tags["sweep"]) for run in runs] == [("s.1", "s.1"), ("s", "s")]


def test_a_plan_of_a_fresh_sweep_reuses_nothing(ask: Callable[..., str]) -> None:
    ask(*ROWS)
    assert "this sweep" in ask(*ROWS, "sweep.dry_run=true")
    assert "this sweep" not in ask(*ROWS, "sweep.dry_run=true", "sweep.fresh=true")


def test_the_hint_does_not_begin_anew_again(ask: Callable[..., str]) -> None:
    said = ask(
        "lora.r=8",
        "lora.dropout=interval(0,0.2)",
        "sweep.timeout_s=0.001",
        "sweep.fresh=true",
        "training.learning_rate=1e-4",
        code=1,
    )
    hint = next(line for line in said.splitlines() if "To continue" in line)
    assert "sweep.name=s" in hint and "fresh" not in hint


@pytest.mark.parametrize("more", [(), ("sweep.fresh=true",), ("procedure=rank",)])
def test_two_drivers(ask: Callable[..., str], shell: Shell, more: tuple[str, ...]) -> None:
    space = ("lora.r=4,8",) if more == ("procedure=rank",) else ROWS
    with EventLog(shell.folder / "runs/s/events.jsonl") as log:
        log.append("opened", {"metric": "eval_loss", "direction": "minimize"})
        refused = ask(*space, *more, code=2)
        assert f"runs/s is being written by process {os.getpid()} on {platform.node()}" in refused
        ask(*space, *(item for item in more if "fresh" not in item), "sweep.dry_run=true")  # only reads
    assert [path.name for path in (shell.folder / "runs").iterdir()] == ["s"]


def test_a_dead_drivers_file_stops_nobody_and_the_sweeps_file_says_what_was_asked_for(
    ask: Callable[..., str], shell: Shell
) -> None:
    (shell.folder / "runs/s").mkdir(parents=True)
    owner = shell.folder / "runs/s/events.pid"
    owner.write_text("process 999999999 on elsewhere\n")
    ask(*ROWS)
    assert "999999999" not in owner.read_text()
    asked = yaml.safe_load((shell.folder / "runs/s/sweep.yaml").read_text())
    assert asked["command"].endswith("sweep.name=s lora.r=8 training.learning_rate=1e-4,2e-4")
    assert asked["swept"] == {"training.learning_rate": [1e-4, 2e-4]}
    assert asked["held"]["lora.r"] == 8 and "training.learning_rate" not in asked["held"]
    assert asked["settings"]["executor"]["name"] == "inline"


def test_a_file_system_without_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(LogError, match=r"knows no locks \(No locks available\).*try: sweep.dir="):
        EventLog(tmp_path / "events.jsonl")
