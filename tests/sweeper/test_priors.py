"""The guide's tables, and what a plan says of them."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.data_notes import data_notes
from sweeper.facts import Facts
from sweeper.lengths import Lengths
from sweeper.prior_notes import notes
from sweeper.priors import PRIORS


def tokens(p50: int, p99: int, truncated: float = 0.0) -> Lengths:
    return Lengths(float(p50), p50, p99, p99, p99, "the model's tokenizer", truncated)


@pytest.mark.parametrize(
    ("prior", "rows", "values"),
    [
        ("ranks", 499, [2, 4, 8]),
        ("ranks", 500, [4, 8, 16]),
        ("ranks", 2_000, [8, 16, 32]),
        ("ranks", 10_000, [16, 32, 64]),
        ("ranks", 200_000, [32, 64, 128]),
        ("low_rank", 500, [4]),
        ("higher_rank", 50_000, [128]),
        ("higher_rank", 49_999, []),
        ("dropout", 999, [0.1]),
        ("dropout", 1_000, [0.05]),
        ("dropout", 50_000, [0.03]),
        ("epochs", 999, [7]),
        ("epochs", 1_000, [5]),
        ("epochs", 5_000, [4]),
        ("epochs", 50_000, [2]),
    ],
)
def test_priors_of_size(prior: str, rows: int, values: list[Any]) -> None:
    assert PRIORS[prior](Facts(rows, rows)) == values


def test_what_counts_is_the_effective_size() -> None:
    assert PRIORS["ranks"](Facts(2_000, 480)) == [2, 4, 8] and PRIORS["epochs"](Facts(2_000, 480)) == [5]


@pytest.mark.parametrize(
    ("steps", "warmup", "tried"),
    [
        (0, 0.03, [0.0, 0.01, 0.03, 0.06, 0.1]),
        (8, 4, [0]),
        (200, 10, [0, 10, 25, 50, 100]),
        (400, 12, [0, 10, 25, 50, 100]),
        (499, 15, [0, 10, 25, 50, 100]),
        (500, 0.03, [0.0, 0.01, 0.03, 0.06, 0.1]),
    ],
)
def test_warm_up_has_a_floor_in_short_runs(steps: int, warmup: float, tried: list[float]) -> None:
    facts = Facts(100, 100, steps=steps)
    assert PRIORS["warmup_steps"](facts) == [warmup] and PRIORS["warmups"](facts) == tried


@pytest.mark.parametrize(
    ("p50", "p99", "length", "packing"),
    [
        (31, 128, 128, True),
        (32, 128, 128, False),
        (60, 129, 256, True),
        (500, 900, 1024, False),
        (3_000, 9_000, 4096, False),
    ],
)
def test_length_and_packing(p50: int, p99: int, length: int, packing: bool) -> None:
    facts = Facts(100, 100, tokens=tokens(p50, p99))
    assert PRIORS["max_length"](facts) == [length] and PRIORS["packing"](facts) == [packing]


def test_nothing_follows_from_unknown_tokens() -> None:
    assert PRIORS["max_length"](Facts(9, 9)) == PRIORS["packing"](Facts(9, 9)) == []


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_says_its_numbers(name: str) -> None:
    facts = Facts(60_000, 55_000, exact=False, tokens=tokens(44, 120), steps=900)
    why = PRIORS[name].why(facts)
    assert why.startswith(("the guide would take", "document 002 would take"))
    assert any(number in why for number in ("about 55,000", "60,000", "900 optimizer steps", "120 tokens", "44 of 128"))


IN_USE = {
    "lora.r": 8,
    "lora.dropout": 0.05,
    "training.num_train_epochs": 3.0,
    "training.warmup_steps": 0.03,
    "training.max_length": 128,
    "training.packing": False,
    "training.max_steps": -1,
    "training.per_device_train_batch_size": 8,
    "training.gradient_accumulation_steps": 1,
}
FACTS = Facts(480, 455, 60, tokens=tokens(20, 120, truncated=0.125), labels=(("a", 400), ("b", 80)), steps=180)


def test_notes_tell_what_is_in_use() -> None:
    found = {note.key: note for note in notes(FACTS, IN_USE, {"lora.r"})}
    assert [f"{note.key}: {note.text}" for note in found.values()] == [
        "lora.r: the guide would take 2, 4, 8 (480 examples, 455 of them different, the lowest is ours); varied here",
        "lora.dropout: the guide would take 0.1 (480 examples, 455 of them different); held at 0.05",
        "training.num_train_epochs: document 002 would take 7 (480 examples); held at 3.0",
        "training.warmup_steps: the guide would take 10 (180 optimizer steps); held at 0.03",
        "training.max_length: document 002 would take 128 (99% of the examples have at most 120 tokens); so it is here",
        "training.packing: the guide would take true (half the examples have at most 20 of 128 tokens); held at false",
    ]
    assert found["lora.r"].fits and found["lora.dropout"].value == 0.1 and not found["lora.dropout"].fits
    assert found["lora.dropout"].source == "001, lora_dropout"


def test_steps_decide_the_epochs() -> None:
    limited = {**IN_USE, "training.max_steps": 30}
    (note,) = (note for note in notes(FACTS, limited) if note.key == "training.num_train_epochs")
    assert note.in_use == 0.5 and note.text.endswith("held at 0.5 by training.max_steps=30")


def test_without_data_there_are_no_notes() -> None:
    assert notes(Facts(0, 0), IN_USE) == []
    assert [note.key for note in data_notes(Facts(0, 0), IN_USE)] == ["data.path"]


def test_the_data_in_words() -> None:
    said = [note.text for note in data_notes(FACTS, IN_USE)]
    assert said[0].startswith("480 training examples, 455 of them different")
    assert said[1] == "60 validation examples"
    assert said[2] == "a 400, b 80; the minority, b, is 16.7%"
    assert "half have at most 20, 95% 120" in said[3] and said[3].endswith("(the model's tokenizer)")
    assert said[4] == "12.5% are longer than training.max_length=128 and are cut there"
    assert said[5] == "180 optimizer steps are a full run"
