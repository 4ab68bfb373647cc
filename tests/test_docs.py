"""Every command that the documentation shows is understood, and does what the page says of it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from analysis.cli import parser
from sweeper import application

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(lora-(?:sweep|report) ?(?:[^\n\\]|\\\n)*)$", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


def commands(page: Path) -> list[str]:
    found = [command for block in blocks(page, "") for command in COMMAND.findall(block)]
    return [command.replace("\\\n", " ") for command in found if not command.startswith("lora-sweep:")]


SHOWN = [(page.name, command) for page in PAGES for command in commands(page)]
WRONG = "lora.rnk=8,16"  # the one that is meant to be


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Path, micro_model: Path, table: Path) -> Path:
    """Another folder, with the files that the pages speak of."""
    for name in ("reviews.csv", "rows.csv"):
        shutil.copy(rows, tmp_path / name)
    (tmp_path / "train.jsonl").write_text('{"prompt": "1+1=", "completion": " 2"}\n' * 20)
    alpaca, conversations = blocks(ROOT / "docs/data.md", "json")
    (tmp_path / "alpaca.json").write_text(alpaca)
    (tmp_path / "sharegpt.jsonl").write_text(conversations)
    (tmp_path / "labelled.csv").write_text(*blocks(ROOT / "docs/data.md", "csv"))
    shutil.copytree(micro_model, tmp_path / "my-model")
    for page, file in (("launching", "search_space/mine"), ("procedures", "procedure/dropout")):
        own = tmp_path / "my_conf" / f"{file}.yaml"
        own.parent.mkdir(parents=True)
        (yaml,) = blocks(ROOT / "docs" / f"{page}.md", "yaml")
        own.write_text(yaml)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands() -> None:
    assert len(SHOWN) > 20 and {name for name, _ in SHOWN} >= {"README.md", "launching.md", "data.md", "replay.md"}


@pytest.mark.parametrize(("page", "command"), SHOWN)
def test_commands_are_understood(folder: Path, capsys: pytest.CaptureFixture[str], page: str, command: str) -> None:
    name, *arguments = shlex.split(command, comments=True)
    if name == "lora-report":
        parser().parse_args(arguments)
        return
    if any(item.startswith("-sc") or item == "--help" for item in arguments):
        return
    try:
        application._check([*arguments, "sweep.dry_run=true"])
    except SystemExit as left:
        assert left.code == 2 and WRONG in command, capsys.readouterr().err
        shown = next(item for item in blocks(ROOT / "docs" / page, "") if "problems with this command" in item)
        assert capsys.readouterr().err == shown
    else:
        assert WRONG not in command


def test_pages_link_to_pages_that_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_tests_that_a_page_names_exist() -> None:
    page = (ROOT / "docs/reliability.md").read_text()
    named = set(re.findall(r"`pytest (tests/\S+?)[` ]", page))
    assert len(named) > 10 and not [path for path in named if not (ROOT / path).exists()]
