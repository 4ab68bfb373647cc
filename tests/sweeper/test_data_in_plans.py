"""The plan of a procedure begins with its data and the guide's priors for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import Shell


@pytest.fixture
def repetitive(tmp_path: Path) -> tuple[str, ...]:
    """A command's data: 60 rows, 20 of them different."""
    texts = [" ".join(f"w{number * 20 + place}" for place in range(20)) for number in range(20)]
    rows = [
        {"prompt": text.replace(text.split()[copy], "other"), "completion": " ok"}
        for text in texts
        for copy in (3, 7, 9)
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "validation.jsonl").write_text(json.dumps(rows[0]) + "\n")
    return ("data=path", "data.name=own", "data.path=train.jsonl", "data.validation_path=validation.jsonl")


def test_text_and_json_say_the_same(shell: Shell, repetitive: tuple[str, ...]) -> None:
    before = sorted(shell.folder.iterdir())
    done = shell.sweep("-m", "procedure=rank", *repetitive, "sweep.dry_run=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Data\n  60 training examples, 20 of them different")
    dropout = "the guide would take 0.1 (60 examples, 20 of them different); held at 0.05"
    assert "\nThe guide's priors\n  lora.r: the guide would take 2, 4, 8 (60 examples" in done.stdout
    assert f"\n  lora.dropout: {dropout}\n" in done.stdout and "note: " not in done.stdout
    plan = json.loads(shell.sweep("-m", "procedure=rank", *repetitive, "sweep.dry_run=json").stdout)
    assert all(set(item) == {"severity", "key", "value", "rule", "remedy"} for item in plan["findings"])
    (found,) = (item for item in plan["findings"] if item["key"] == "lora.dropout")
    assert (found["severity"], found["value"], found["remedy"]) == ("note", 0.05, "lora.dropout=0.1")
    assert found["rule"] == dropout
    assert plan["stages"][1]["vary"] == {"lora.r": [2, 4, 8]}
    assert sorted(shell.folder.iterdir()) == before


def test_a_plain_search_has_neither(shell: Shell) -> None:
    done = shell.sweep("-m", "lora.r=4,8", "sweep.dry_run=true")
    assert done.stdout.startswith("Stage search") and "The guide's priors" not in done.stdout


def test_looking_at_the_data_loads_nothing_heavy(shell: Shell) -> None:
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=open("modules", "w")))
from sweeper.cli import main
sys.argv = ["lora-sweep", "-m", "procedure=rank", "sweep.dry_run=true"]
main()
"""
    (shell.folder / "look.py").write_text(code)
    assert shell.run("look").returncode == 0
    loaded = set((shell.folder / "modules").read_text().split())
    assert "sweeper.facts" in loaded
    assert not {"torch", "transformers", "datasketch", "huggingface_hub"} & loaded
