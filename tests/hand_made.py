"""Training rows made by hand, in place of a file's, and what they cost by brute force."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import transformers

from trainers import data, tokens
from trainers.loaded import Loaded
from trainers.packed.course import Course
from trainers.tokens import IGNORED, Tokens
from trainers.trial import TrialConfig

Change = Callable[[Sequence[Tokens]], list[Tokens]]


def train_on(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Has every trial train on changed rows."""
    real = Loaded.rows

    def rows(self: Loaded, config: TrialConfig) -> tokens.TokenRows:
        found = real(self, config)
        return dataclasses.replace(found, train=change(found.train))

    monkeypatch.setattr(Loaded, "rows", rows)


def weighed(rows: Sequence[Tokens]) -> list[Tokens]:
    """Weighs rows 0.25, 2 and 5 in turn: nothing that adds up to their number."""
    return [dataclasses.replace(row, weight=weight) for row, weight in zip(rows, itertools.cycle((0.25, 2, 5)))]


def masked(rows: Sequence[Tokens]) -> list[Tokens]:
    """Counts every other token of some completions, and one whole completion not at all."""
    made = [
        dataclasses.replace(row, trained=tuple((at + number) % 2 == 0 for at in range(len(row.completion))))
        for number, row in enumerate(rows)
    ]
    return [dataclasses.replace(made[0], trained=(False,) * len(made[0].completion)), *made[1:]]


def whole(rows: Sequence[Tokens]) -> list[Tokens]:
    """Trains on prompts, too."""
    return [dataclasses.replace(row, prompt=(), completion=row.prompt + row.completion) for row in rows]


def first_loss(config: TrialConfig, change: Change = list) -> float:
    """The loss of the first update, row by row with transformers' LabelSmoother: an adapter begins with nothing."""
    training = config.training
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model.path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.model.path)
    rows = change(tokens.tokenize(data.load(config.data), tokenizer, training.max_length).train)
    batch, accumulation = training.per_device_train_batch_size, training.gradient_accumulation_steps
    course = Course(len(rows), batch, accumulation, training.seed)
    seen = [rows[at] for at in itertools.chain.from_iterable(course.update(0))]
    smoother = transformers.trainer_pt_utils.LabelSmoother(epsilon=training.label_smoothing_factor)
    total = sum(row.weight * row.predicted * _mean(model, row, smoother) for row in seen if row.predicted)
    return float(total / sum(row.weight * row.predicted for row in seen))


def _mean(model: Any, row: Tokens, smoother: Any) -> float:
    labels = torch.tensor([row.row()["labels"]])
    assert int((labels[:, 1:] != IGNORED).sum()) == row.predicted
    with torch.no_grad():
        outputs = model(input_ids=torch.tensor([row.row()["input_ids"]]))
        return float(smoother(outputs, labels, shift_labels=True))
