"""What is wrong with data is one line of a command's problems, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import Shell

GOOD = "".join(f'{{"text": "good number {number}", "label": "{"xy"[number % 2]}"}}\n' for number in range(8))


def problems(shell: Shell, *arguments: str) -> list[str]:
    before = sorted(shell.folder.iterdir())
    done = shell.sweep(*arguments, "sweep.dry_run=true")
    assert done.returncode == 2 and done.stdout == "" and sorted(shell.folder.iterdir()) == before, done.stderr
    return [line.strip() for line in done.stderr.splitlines()[1:]]


def test_bad_rows_of_every_file_are_said_or_left_out(shell: Shell) -> None:
    (shell.folder / "rows.jsonl").write_text(GOOD + "{oops\n")
    (shell.folder / "test.csv").write_text("text,label\na,x\nb,new\n")
    paths = ("data.path=rows.jsonl", "data.test_path=test.csv")
    (said,) = problems(shell, *paths)
    assert said.startswith("data.path=rows.jsonl: 1 of 9 rows cannot be used (not JSON: 1): rows.jsonl:9 (not JSON: ")
    assert said.endswith("; try: mend them, or data.on_bad_rows=skip")
    (shell.folder / "rows.jsonl").write_text(GOOD)
    (said,) = problems(shell, *paths)
    assert said.startswith(
        "data.test_path=test.csv: 1 of 2 rows cannot be used (unknown label: 1): test.csv:3 (unknown"
    )
    (shell.folder / "rows.jsonl").write_text(GOOD + "{oops\n")
    done = shell.sweep(*paths, "data.on_bad_rows=skip", "sweep.dry_run=true")
    assert done.returncode == 0 and "7 training examples" in " ".join(done.stdout.split()), done.stderr


@pytest.mark.parametrize("how", ["weights", "oversample", "undersample"])
def test_only_labels_are_balanced(shell: Shell, how: str) -> None:
    (shell.folder / "rows.jsonl").write_text('{"prompt": "1+1=", "completion": "2"}\n' * 20)
    (said,) = problems(shell, "-m", "data.path=rows.jsonl", f"data.class_balance=none,{how}")
    rule = "balances rows with text and label, and rows.jsonl holds others"
    assert said == f"data.class_balance={how}: {rule}; try: data.class_balance=none"


def test_repeated_rows_are_no_copies(shell: Shell) -> None:
    (shell.folder / "rows.jsonl").write_text(GOOD + '{"text": "one more", "label": "x"}\n' * 12)
    asked = ("data.path=rows.jsonl", "data.validation_path=rows.jsonl", "training.max_steps=-1", "sweep.dry_run=true")
    plain, repeated = (
        " ".join(shell.sweep(*asked, f"data.class_balance={how}").stdout.split()) for how in ("none", "oversample")
    )
    examples = "20 training examples, 9 of them different, 11 exact copies"
    assert examples in plain and examples in repeated
    assert "epochs of 20 rows" in plain and "epochs of 32 rows" in repeated


def test_docstrings_are_made_where_the_data_are_looked_at(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    library = shell.folder / "lib"
    library.mkdir()
    for name in "abcdefghijklmnop":
        text = "".join(f'def f{number}(a):\n    "Does {name} the {number}th time."\n' for number in range(4))
        (library / f"{name}.py").write_text(text)
    cache: Path = shell.folder / "cache"
    code = f"""
import sys
from trainers import docstrings
docstrings._library = lambda: {str(library)!r}
from sweeper.cli import main
sys.argv = ["lora-sweep", "-m", "data=docstrings", "data.cache_dir={cache}", "lora.r=4,8", "sweep.dry_run=true"]
main()
"""
    (shell.folder / "look.py").write_text(code)
    done = shell.run("look")
    assert done.returncode == 0 and "training examples" in done.stdout, done.stderr
    assert [folder.name.partition("-")[0] for folder in cache.iterdir()] == ["docstrings"]
