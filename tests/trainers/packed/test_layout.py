"""Rows that share lines."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packs import Drive, with_lora

from trainers import sft
from trainers.label_scores import shared_prefix
from trainers.packed.anatomy import Anatomy
from trainers.packed.heeding import heeds
from trainers.packed.layout import Lines, chosen, passes
from trainers.packed.shape import Shape
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.tokens import Tokens
from trainers.trial import TrialConfig

Made = Callable[..., TrialConfig]


def rows(count: int, least: int, most: int, seed: int = 0) -> list[Tokens]:
    dice = random.Random(seed)
    return [Tokens(tuple(range(dice.randint(least, most) - 2)), (1, 2)) for _ in range(count)]


def lengths(lay: list[list[Tokens]]) -> list[int]:
    return [sum(len(row.prompt) + len(row.completion) for row in line) for line in lay]


@pytest.mark.parametrize("seed", range(20))
def test_every_row_lies_in_one_line_that_holds_it(seed: int) -> None:
    drawn, lines = rows(8, 5, 40, seed), Lines(3, 48)
    made = passes(drawn, lines, 0)
    assert sorted(map(id, drawn)) == sorted(id(row) for lay in made for line in lay for row in line)
    assert all(len(lay) <= 3 and max(lengths(lay)) <= 48 for lay in made)
    assert passes(drawn, lines, 0) == made
    assert len(made) <= -(-sum(len(row.prompt) + 2 for row in drawn) // 72) + 1  # no pass is half empty for nothing


def test_what_fits_together_is_together() -> None:
    made = passes([*rows(2, 40, 40), *rows(6, 20, 20)], Lines(4, 60), 0)
    assert [lengths(lay) for lay in made] == [[60, 60, 60, 20]]
    assert len(passes(rows(3, 50, 50), Lines(2, 60), 0)) == 2
    assert [lengths(lay) for lay in passes(rows(4, 50, 50), Lines(2, 60), 20)] == [[100, 100]]  # 30 each without it


def test_lines_are_shared_where_that_saves_tokens() -> None:
    wide = 2048
    assert chosen(rows(400, 30, 30), 8, 0, wide) is None  # all of one length: two in a line save nothing
    uneven = chosen(rows(400, 10, 100), 8, 0, wide)
    assert uneven is not None and uneven.count * uneven.length < 0.8 * 8 * 100 and uneven.length >= 100
    assert chosen(rows(400, 10, 100), 1, 0, wide) is None
    narrow = chosen(rows(400, 10, 100), 8, 0, 1)
    assert narrow is None or narrow.length <= uneven.length  # where attention is all there is, long lines cost more


def test_a_few_long_rows_do_not_make_every_pass_long() -> None:
    long_tail = [*rows(390, 20, 60), *rows(10, 480, 500)]
    lines = chosen(long_tail, 8, 0, 2048)
    longest = max(len(row.prompt) + 2 for row in long_tail)
    assert lines is not None and lines.count <= 2 and longest <= lines.length < longest + 16


@pytest.fixture
def uneven(micro_trial: Made, tmp_path: Path) -> Made:
    """Trials of rows of many lengths, with an instruction before them."""
    dice, words = (
        random.Random(1),
        ["what", "a", "lovely", "morning", "tears", "all", "night", "nobody", "wrote", "back"],
    )
    lines = ["text,label"]
    lines += [
        f"{' '.join(dice.choices(words, k=dice.randint(1, 9)))},{dice.choice(('happy', 'sad'))}" for _ in range(40)
    ]
    (tmp_path / "uneven.csv").write_text("\n".join(lines) + "\n")

    def made(**training: Any) -> TrialConfig:
        one = micro_trial(template="Say it: {text} is", per_device_train_batch_size=6, **training)
        return dataclasses.replace(one, data=dataclasses.replace(one.data, path=str(tmp_path / "uneven.csv")))

    return made


@pytest.mark.parametrize("capacity", [1, 3])
def test_rows_that_share_lines_train_as_they_do_alone(uneven: Made, tmp_path: Path, capacity: int) -> None:
    asked = {
        f"t{seed}": with_lora(
            uneven(learning_rate=3e-3, seed=seed, max_steps=8, eval_steps=4, logging_steps=1), r=4 * seed, alpha=8
        )
        for seed in (1, 2, 3)
    }
    together = Drive(PackedTrainer(Resources(capacity=capacity)), tmp_path, asked).run()
    apart = Drive(PackedTrainer(Resources(capacity=capacity)), tmp_path / "apart", {"t2": asked["t2"]}).run()
    alone = Drive(sft.make(Resources()), tmp_path / "alone", asked).run()
    for name, one in alone.items():
        facts = together[name].facts
        assert facts["pack.lines"] < facts["pack.rows"] and facts["pack.prefix"] > 0
        for step, point in one.curve.items():
            assert together[name].curve[step]["loss"] == pytest.approx(point["loss"], rel=1e-5), (name, step)
            assert together[name].curve[step]["grad_norm"] == pytest.approx(point["grad_norm"], rel=1e-4), (name, step)
        for step, values in one.rungs.items():
            assert together[name].rungs[step]["eval_loss"] == pytest.approx(values["eval_loss"], rel=1e-5)
    assert apart["t2"].numbers == together["t2"].numbers  # whoever is beside it


def test_a_model_that_lets_rows_see_each_other_is_found_out(
    uneven: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, config = PackedTrainer(Resources(capacity=1)), uneven(learning_rate=1e-3, max_steps=1)
    base, train = trainer._loaded.base(config), trainer._loaded.rows(config).train
    anatomy = Anatomy(base)
    dense = Shape(
        slots=1,
        rows=6,
        lines=3,
        length=64,
        completion=3,
        r=16,
        prefix=tuple(shared_prefix([row.prompt for row in train])),
    )
    places = dict(list(anatomy.places.items())[:1])
    assert heeds(base.model, places, 0, dense, train)
    forward = base.model.forward
    for ignored in ("attention_mask", "position_ids"):
        deaf = lambda ignored=ignored, **given: forward(**{**given, ignored: None})  # noqa: E731
        monkeypatch.setattr(base.model, "forward", deaf)
        assert not heeds(base.model, places, 0, dense, train)
    refuses: Any = lambda **given: (_ for _ in ()).throw(ValueError("too many values to unpack"))  # noqa: E731
    monkeypatch.setattr(base.model, "forward", refuses)
    assert not heeds(base.model, places, 0, dense, train)
    assert torch.is_grad_enabled()
