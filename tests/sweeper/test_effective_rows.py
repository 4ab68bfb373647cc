"""A count that took long is kept beside the model's cache, under what the data are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from sweeper import effective_rows, near_duplicates
from sweeper.near_duplicates import Different
from trainers.data import Example
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

EXAMPLES = [Example("", "one two"), Example("", "three four")]


@pytest.fixture
def config(tmp_path: Path) -> TrialConfig:
    (tmp_path / "rows.jsonl").write_text('{"text": "one two"}\n{"text": "three four"}\n')
    model = Model("m", "m", cache_dir=str(tmp_path / "cache"))
    data = Data("rows", str(tmp_path / "rows.jsonl"))
    return TrialConfig(model, Quantization(), Lora(8, 16), data, Training(1e-4))


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of every count that was made."""
    made: list[int] = []

    def different(examples: list[Example]) -> Different:
        made.append(len(examples))
        return Different(2, exact=False)

    monkeypatch.setattr(near_duplicates, "different", different)
    return made


def kept(config: TrialConfig) -> list[Path]:
    return sorted(Path(config.model.cache_dir).glob("*"))


def test_what_few_rows_say_is_not_kept(config: TrialConfig) -> None:
    assert effective_rows.effective_rows(config, EXAMPLES) == Different(2, exact=True)
    assert kept(config) == []


def test_what_many_rows_say_is_counted_once(
    config: TrialConfig, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effective_rows, "WORTH_REMEMBERING", -1)
    for _ in range(2):
        assert effective_rows.effective_rows(config, EXAMPLES) == Different(2, exact=False)
    assert counts == [2]
    (file,) = kept(config)
    assert json.loads(file.read_text()) == {"rows": 2, "exact": False}


def test_other_rows_and_a_damaged_file_are_counted_again(
    config: TrialConfig, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effective_rows, "WORTH_REMEMBERING", -1)
    effective_rows.effective_rows(config, EXAMPLES)
    fewer = dataclasses.replace(config, data=dataclasses.replace(config.data, max_samples=1))
    effective_rows.effective_rows(fewer, EXAMPLES[:1])
    assert counts == [2, 1] and len(kept(config)) == 2
    for damaged in ("", "[]", '{"rows": "many", "exact": true}', '{"rows": 3}'):
        for file in kept(config):
            file.write_text(damaged)
        effective_rows.effective_rows(config, EXAMPLES)
    assert counts == [2, 1, 2, 2, 2, 2]


def test_a_folder_that_cannot_be_written_is_no_error(
    config: TrialConfig, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effective_rows, "WORTH_REMEMBERING", -1)
    Path(config.model.cache_dir).write_text("a file")
    assert effective_rows.effective_rows(config, EXAMPLES).rows == 2 and counts == [2]
