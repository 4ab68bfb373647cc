"""The kept curves of provoked trainings: labelled, small, apart from those that thresholds were set on."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from analysis.curve import Curve
from benchmarks.diagnosis_figures import FOLDER, PICTURES
from benchmarks.provoked import entries, rows, stored
from benchmarks.provoked.entries import NAMES, SETS, Entry

TUNING, HELD_OUT = (entries.entries(which) for which in SETS)
EVERY = [*TUNING, *HELD_OUT]


def test_there_are_enough_and_the_sets_share_nothing() -> None:
    assert len(HELD_OUT) >= 40 and sum(entry.is_healthy for entry in HELD_OUT) >= 12
    asked = [{item for item in entry.overrides if not item.startswith("training.logging")} for entry in EVERY]
    assert all(mine != other for place, mine in enumerate(asked) for other in asked[:place])
    assert len({entry.name for entry in EVERY}) == len(EVERY)


def test_every_verdict_is_provoked_and_every_entry_says_why() -> None:
    assert {name for entry in EVERY for name in entry.must} == NAMES
    assert all(entry.must and entry.why and not entry.must & entry.allowed for entry in EVERY)


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.name)
def test_a_curve_is_kept_for_every_entry(entry: Entry) -> None:
    path = stored.FOLDER / f"{entry.name}.json"
    assert path.stat().st_size < 20_000
    curve = stored.read(entry.name)
    assert curve.losses and curve.steps
    values = [value for _, value in (*curve.losses, *curve.grad_norms)]
    assert (curve.outcome == "diverged") == (not all(map(math.isfinite, values)))
    for points in (curve.losses, curve.evals, curve.learning_rates, curve.grad_norms, *curve.measured.values()):
        assert [step for step, _ in points] == sorted({step for step, _ in points})


def test_no_curve_is_kept_without_an_entry() -> None:
    assert {path.stem for path in stored.FOLDER.glob("*.json")} == {entry.name for entry in EVERY}


def test_a_curve_is_read_as_it_was_kept(tmp_path: Path) -> None:
    nan, inf = float("nan"), float("inf")
    curve = Curve(
        ((1, 1.23456789), (2, nan)), ((2, inf),), ((1, 1e-9),), measured={"eval_accuracy": ((2, 0.5),)}, steps=2
    )
    stored.write("one", curve, tmp_path)
    read = stored.read("one", tmp_path)
    assert read.losses[0] == (1, 1.23457) and math.isnan(read.losses[1][1])
    assert (read.evals, read.learning_rates, read.steps) == (((2, inf),), ((1, 1e-9),), 2)
    assert read.measured == curve.measured


def test_rows_are_drawn_mislabelled_and_named_by_what_they_are(tmp_path: Path) -> None:
    counts = {"happy": 20, "sad": 10}
    path = rows.write(tmp_path, counts, seed=1)
    clean = [json.loads(line) for line in path.read_text().splitlines()]
    assert Counter(row["label"] for row in clean) == counts
    noisy = rows.write(tmp_path, counts, seed=1, mislabelled=0.5)
    truth = {row["text"]: row["label"] for row in clean}
    changed = [row for row in map(json.loads, noisy.read_text().splitlines()) if truth[row["text"]] != row["label"]]
    assert len(changed) == 15 and noisy != path == rows.write(tmp_path, counts, seed=1)


def test_a_verdict_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tuning.yaml").write_text("[{name: one, must: [overfiting], why: no}]")
    monkeypatch.setattr(entries, "HERE", tmp_path)
    with pytest.raises(ValueError, match="one: no such verdict: overfiting"):
        entries.entries("tuning")


def test_every_verdict_has_a_small_picture_of_a_training_that_shows_it() -> None:
    entry_of = {entry.name: entry for entry in EVERY}
    page = (FOLDER.parent / "diagnosis.md").read_text()
    assert PICTURES.keys() == NAMES
    for name, picture in PICTURES.items():
        assert name in entry_of[picture.training].must
        assert (FOLDER / f"{name}.svg").stat().st_size < 60_000
        assert f"(figures/{name}.svg)" in page
