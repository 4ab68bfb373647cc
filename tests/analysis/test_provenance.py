"""Where a report's numbers come from."""

from __future__ import annotations

import dataclasses
import json

from made_up import places_of, row, sweep_of

from analysis.evidence import Evidence
from analysis.patterns.pattern import Patterns
from analysis.report.provenance import lines

HARDWARE = {"kind": "cpu", "name": "Xeon", "workers": 2, "threads": 1, "cores": 2, "memory_gib": 23.5, "host": "vm"}
TAGS = {
    "command": "lora-sweep -m lora.r=4,8 '```'",
    "folder": "/home/me",
    "versions": json.dumps({"python": "3.11.2", "torch": "2.12.0, then 2.13.0"}),
    "hardware": json.dumps({**HARDWARE, "sessions": 2, "others": [{**HARDWARE, "host": "other", "workers": 1}]}),
    "sampler": "tpe",
    "pruner": "halving",
}


def told(tags: dict[str, str], started: float | None = None) -> str:
    known = {"data.validation": "aaa111", "data.content": "bbb222"}
    rows = [
        dataclasses.replace(row(index, 1.0, {"training.seed": seed}), fingerprints=known)
        for index, seed in enumerate((7, 3))
    ]
    sweep = dataclasses.replace(sweep_of(rows), tags=tags, started=started, ended=None if started is None else 86399.0)
    return "\n".join(lines(Evidence(sweep, places_of(rows), Patterns())))


def test_everything_recorded_is_told() -> None:
    text = told(TAGS, started=0.0)
    for words in (
        *("1970-01-01 00:00:00 to 1970-01-01 23:59:59 (UTC), in 2 sessions", "/home/me", "3, 7", "aaa111", "bbb222"),
        "Xeon, 2 workers, 1 thread each, 2 cores, 23.5 GiB of memory, host vm",
        "Xeon, 1 worker, 1 thread each, 2 cores, 23.5 GiB of memory, host other",
        *("Versions: python 3.11.2, torch 2.12.0, then 2.13.0.", "tpe", "halving"),
    ):
        assert words in text
    assert "Not recorded, so not known here: base model, quantization, tokenizer." in text
    block = text[text.index("Command:") :].splitlines()
    assert block[2:5] == ["~~~sh", TAGS["command"], "~~~"]  # a fence that the command cannot close


def test_of_an_imported_sweep_it_says_what_is_not_known() -> None:
    text = told({"origin": "results.csv"})
    assert "| Imported from  | results.csv |" in text
    missing = text[text.index("Not recorded") :]
    for name in ("when", "computed on", "folder", "tokenizer", "versions", "command", "points chosen by"):
        assert name in missing
    assert "imported" not in missing and "pruner" not in missing
