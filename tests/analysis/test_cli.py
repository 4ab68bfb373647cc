"""`lora-report`, on a sweep that was replayed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from shell import Shell


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("swept"))
    (shell.folder / "t.csv").write_text("lora.r,step,eval_loss\n4,1,3\n8,1,2\n16,1,1\n")
    for name in ("older", "newer"):
        done = shell.sweep(
            "-m", "trainer=replay", "replay.table=t.csv", f"sweep.name={name}", "executor=inline", "lora.r=4,8,16"
        )
        assert done.returncode == 0, done.stderr
    return shell


def test_without_a_name_it_is_the_latest(swept: Shell) -> None:
    assert swept.run("analysis", "leaderboard").stdout.startswith("# Leaderboard of newer")
    assert swept.report("leaderboard", "older").stdout.startswith("# Leaderboard of older")


def test_top_and_output(swept: Shell) -> None:
    done = swept.report("leaderboard", "--top", "2", "--format", "csv", "--output", "board.csv")
    assert (done.returncode, done.stdout) == (0, "")
    rows = list(csv.DictReader((swept.folder / "board.csv").open()))
    assert [(item["place"], item["lora.r"], float(item["eval_loss"])) for item in rows] == [
        ("1", "16", 1.0),
        ("2", "8", 2.0),
    ]


def test_another_folder_reads_it_by_uri(swept: Shell, tmp_path: Path) -> None:
    uri = f"sqlite:///{swept.folder / 'mlflow.db'}"
    done = Shell(tmp_path).report("leaderboard", "--tracking-uri", uri, "--format", "json")
    assert [item["place"] for item in json.loads(done.stdout)["rows"]] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["leaderboard", "no-such"], 1, "there is no sweep 'no-such'; there are: newer, older"),
        (["leaderboard", "--experiment", "other"], 1, "no experiment 'other'"),
        (["leaderboard", "--top", "0"], 2, "not a number of at least 1"),
        (["leaderbord"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_what_is_wrong_is_said(swept: Shell, arguments: list[str], code: int, words: str) -> None:
    done = swept.report(*arguments)
    assert done.returncode == code and words in done.stderr and "Traceback" not in done.stderr


def test_an_empty_folder_stays_empty(tmp_path: Path) -> None:
    done = Shell(tmp_path).report("leaderboard")
    assert done.returncode == 1 and "run a sweep here first" in done.stderr
    assert list(tmp_path.iterdir()) == []
