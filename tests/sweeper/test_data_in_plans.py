"""A plan ends with its data and the guide's priors for them."""

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
    told = " ".join(done.stdout.split())
    assert "warning: data.path=train.jsonl 60 training examples, 20 of them different; 1 validation" in told
    assert (
        "note: lora.r=8: 60 examples, 20 of them different; the guide would take 2, 4, 8 (the lowest is ours); so it is"
        in told
    )
    assert "note: lora.dropout=0.05: 60 examples, 20 of them different; the guide would take 0.1" in told
    assert "1 of 1 validation rows are training rows (100 %)" in told
    plan = json.loads(shell.sweep("-m", "procedure=rank", *repetitive, "sweep.dry_run=json").stdout)
    keys = {"severity", "key", "value", "number", "rule", "source", "remedy"}
    assert all(set(item) == keys for item in plan["findings"])
    assert done.stdout.count("warning: ") + done.stdout.count("note: ") == len(plan["findings"])
    (found,) = (item for item in plan["findings"] if item["key"] == "lora.dropout")
    assert (found["severity"], found["value"], found["remedy"]) == ("note", 0.05, "lora.dropout=0.1")
    assert found["source"] == "001, lora_dropout"
    assert plan["stages"][1]["vary"] == {"lora.r": [2, 4, 8]}
    assert sorted(shell.folder.iterdir()) == before


def test_looking_at_the_data_loads_nothing_heavy_where_there_is_no_tokenizer(shell: Shell) -> None:
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=open("modules", "w")))
from sweeper.cli import main
sys.argv = ["lora-sweep", "-m", "procedure=rank", "model.cache_dir=none", "sweep.dry_run=true"]
main()
"""
    (shell.folder / "look.py").write_text(code)
    assert shell.run("look").returncode == 0
    loaded = set((shell.folder / "modules").read_text().split())
    assert "sweeper.facts" in loaded
    assert not {"torch", "transformers", "huggingface_hub"} & loaded
