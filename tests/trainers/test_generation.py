"""Free answers to rows with prompts: what is asked, and how the answers compare."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from packs import Drive
from transformers import AutoModelForCausalLM

from trainers import generation, rouge, sft
from trainers.evaluation import measured, measured_slots
from trainers.generation import Question, question_of, questions
from trainers.packed.trainer import PackedTrainer
from trainers.probes.greedy import continued
from trainers.registry import Resources
from trainers.tokens import TokenRows, Tokens
from trainers.trial import Data, TrialConfig

METRICS = {"eval_rouge1", "eval_rouge2", "eval_rougeL", "eval_exact_match"}


class Letters:
    """Reads token 5 as `e`, and so on; a few signs repeat, so that answers have something in common."""

    eos_token_id, pad_token_id = 1, 0
    all_special_ids = (0, 1)
    added_tokens_decoder: ClassVar[dict[int, Any]] = {}

    def decode(self, ids: Sequence[int], **_: bool) -> str:
        return " ".join("abc"[index % 3] for index in ids if index > 1)


def rows(count: int = 11) -> list[Tokens]:
    return [Tokens(tuple(range(20, 22 + n % 4)), (*range(30 + n, 33 + n), 1)) for n in range(count)]


def asking(most: int | str, tokens: int = 6) -> Data:
    return Data("made", "up", generated_rows=most, max_new_tokens=tokens)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model(micro_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(micro_model).eval()


def test_as_many_rows_as_asked_for_are_taken_evenly_of_those_with_a_prompt() -> None:
    made = [*rows(10), Tokens((), (5, 1))]
    asked = TokenRows([], made, [])
    assert questions(asked, asking(0)) == []
    assert questions(asked, asking("all")) == [Question(row.prompt, row.completion) for row in made[:10]]
    assert questions(asked, asking(100)) == questions(asked, asking("all"))
    assert [question.reference[0] for question in questions(asked, asking(3))] == [30, 33, 36]
    assert questions(dataclasses.replace(asked, answers=[(5, 1)]), asking("all")) == []


@pytest.mark.parametrize(
    ("trained", "prompt", "reference"),
    [
        (None, (2,), (3, 4, 5, 6, 1)),
        ((True, True, False, True, True), (2, 3, 4, 5), (6, 1)),
        ((False, True, True, True, False), (2, 3), (4, 5, 6)),  # a template may write more behind the turn
        ((False,) * 5, (2,), ()),  # max_length has cut off every turn of the assistant's: nothing is asked
    ],
)
def test_a_conversation_is_asked_for_its_last_turn(
    trained: tuple[bool, ...] | None, prompt: tuple[int, ...], reference: tuple[int, ...]
) -> None:
    found = question_of(Tokens((2,), (3, 4, 5, 6, 1), trained=trained))
    assert found.reference == reference
    assert not reference or found.prompt == prompt


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("batch_size", [2, 64])
def test_values_are_those_of_answers_decoded_one_by_one(model: Any, batch_size: int, slots: int) -> None:
    made, tokenizer = rows(), Letters()
    with torch.no_grad():
        answers = [tokenizer.decode(continued(model, [row.prompt], 6, 1, 0)[0]) for row in made]
    references = [tokenizer.decode(row.completion) for row in made]
    wanted = {f"eval_{kind}": value for kind, value in rouge.scores(answers, references).items()}
    assert 0 < wanted["eval_rouge1"] < 1
    for found in measured_slots(model, TokenRows([], made, []), tokenizer, asking("all"), batch_size, slots=slots):
        assert {kind: found.values[kind] for kind in wanted} == pytest.approx(wanted, abs=1e-6)
        assert found.values["eval_exact_match"] == 0 and found.counts == []


def test_nothing_is_answered_where_nobody_asks(model: Any) -> None:
    assert not METRICS & set(measured(model, TokenRows([], rows(), []), Letters(), asking(0), 8).values)


def test_answers_are_equal_but_for_space_around_them() -> None:
    assert generation._compared([" a b\n", "a  b", "A b", "a b."], ["a b"] * 4)["eval_exact_match"] == 0.25


def test_no_answer_runs_out_of_positions(model: Any) -> None:
    longest = Tokens(tuple(range(2, 62)), (5, 1))  # of 64 positions
    with torch.no_grad():
        assert generation._room(model, 60, 64) == 4 and generation._room(model, 64, 64) == 1
    values = measured(model, TokenRows([], [longest], []), Letters(), asking("all", 64), 8).values
    assert set(values) >= METRICS


def test_a_turn_may_end_with_a_token_of_its_own() -> None:
    special = Letters()
    special.all_special_ids = (0, 1, 9)
    asked = [Question((2,), (5, 6, 9)), Question((2,), (5, 6, 1, 7)), Question((2,), (5, 6))]
    assert generation._ends(asked, special) == {1, 9}


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig], tmp_path: Path) -> TrialConfig:
    made = [{"prompt": f"what {n} a day", "completion": " we laughed all day"} for n in range(12)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, made)))
    config = micro_trial(learning_rate=3e-2, max_steps=24, eval_steps=12, dropout=0.0)
    data = dataclasses.replace(config.data, path=str(path), labels=None, template=None, validation_fraction=0.3)
    return dataclasses.replace(config, data=dataclasses.replace(data, generated_rows=2, max_new_tokens=24))


def test_training_makes_answers_better_by_whichever_trainer(config: TrialConfig, tmp_path: Path) -> None:
    found = [
        Drive(made, tmp_path / str(number), {"t": config}).run()["t"]
        for number, made in enumerate((sft.make(Resources()), PackedTrainer(Resources(capacity=2))))
    ]
    for one in found:
        first, last = one.rungs[12], one.rungs[24]
        assert last["eval_rougeL"] >= first["eval_rougeL"] > 0 and last["eval_rougeL"] > 0.5
        assert set(last) >= METRICS and "eval_accuracy" not in last
