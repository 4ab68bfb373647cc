"""The section as a reader sees it."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re

from patterned import RATE, SCHEDULER, R, document_003, evidence, trial

from analysis.configuration import SEED
from analysis.evidence import Evidence
from analysis.report.patterns import lines
from benchmarks.synthetic_sweeps import full_grid


def text(told: Evidence) -> str:
    return "\n".join(lines(told))


def made(seed: int) -> Evidence:
    from analysis.patterns.found import found

    sweep = full_grid(size=0.05, seeds=2)(seed)
    return Evidence(sweep.sweep, sweep.ranking, found(sweep.sweep, sweep.ranking))


def test_document_003_is_answered_without_a_claim() -> None:
    page = text(evidence(document_003(), tags={"origin": "003.csv"}))
    assert page.startswith("## Patterns per parameter\n")
    assert page.index("### lora.r") < page.index("### What cannot be said")
    assert "lora.alpha, lora.r and gain are confounded" in page
    assert "is worse by" not in page
    assert "is better than" not in page


def test_each_sentence_says_what_is_apart_and_what_is_not() -> None:
    told = made(4)
    page = text(told)
    for effect in told.patterns.effects:
        assert f"### {effect.key}" in page
        for level in effect.levels:
            if level.apart and effect.matters:
                assert f"{level.words} is worse by" in page


def test_tables_are_whole_and_their_rules_valid() -> None:
    for told in (made(4), evidence(document_003())):
        rows = [line for line in lines(told) if line.startswith("|")]
        assert rows
        for above, line in itertools.pairwise(rows):
            if set(line) <= set("|-: "):
                assert line.count("|") == above.count("|")
                assert all(re.fullmatch(r"-+:?", cell.strip()) for cell in line.strip("|").split("|"))


def test_what_users_named_is_shown_as_it_is() -> None:
    rows = [trial(at, 1 + at / 10, **{"data.name": name}) for at, name in enumerate(("a|b", "<script>", "*c*"))]
    page = text(evidence(rows))
    assert "<script>" not in page
    assert "\\<script\\>" in page
    assert "a\\|b" in page


def test_nothing_varied_is_said_in_a_sentence() -> None:
    page = text(evidence([trial(0, 1.0, **{R: 8, SCHEDULER: "linear"})]))
    assert "No parameter was varied" in page
    assert "| " not in page
    assert "lora.r" in page


def test_only_eight_parameters_are_told_in_full() -> None:
    chance = random.Random(1)
    rows = [
        trial(at, 1 + at % 5, **{f"training.knob{key}": chance.randrange(2) for key in range(10)}) for at in range(64)
    ]
    page = text(evidence(rows))
    assert page.count("\n### training.knob") == 8
    assert "2 more parameters" in page


def test_an_importance_is_shown_where_there_is_one() -> None:
    told = made(4)
    assert "Importance" not in text(told)
    effects = (dataclasses.replace(told.patterns.effects[0], importance=0.625), *told.patterns.effects[1:])
    told = dataclasses.replace(told, patterns=dataclasses.replace(told.patterns, effects=effects))
    assert "62 %" in text(told)


def test_what_differs_only_with_another_is_not_said_to_make_no_difference() -> None:
    crossed = {(8, 1e-4): 1.0, (8, 2e-4): 2.0, (16, 1e-4): 2.0, (16, 2e-4): 1.0}
    rows = [
        trial(3 * at + seed, value + (0.01, -0.01, 0.005)[seed] * (-1) ** at, **{R: r, RATE: rate, SEED: seed})
        for at, ((r, rate), value) in enumerate(crossed.items())
        for seed in range(3)
    ]
    page = text(evidence(rows))
    assert "depends on training.learning_rate" in page and "depends on lora.r" in page
    assert "no difference seen" not in page
