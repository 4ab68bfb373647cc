"""Free answers to labelled rows against brute force: every row decoded by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn import metrics
from transformers import AutoModelForCausalLM

from trainers import free_labels
from trainers.evaluation import measured, measured_slots
from trainers.free_labels import FreeLabels
from trainers.greedy_path import walked
from trainers.label_evaluation import labelled
from trainers.probes.greedy import continued
from trainers.tokens import TokenRows, Tokens
from trainers.trial import Data

PIECES = (" a", "A", ".", "\n", '"', " b", "b", " ", "ab", " c")
DATA = Data("made", "up")


class Pieces:
    """Reads every token as one of a few pieces, so that a model of random weights often says a label."""

    eos_token_id, pad_token_id = 1, 0

    def decode(self, ids: Sequence[int], **_: bool) -> str:
        return "".join(PIECES[index % len(PIECES)] for index in ids if index > 1)


ANSWERS = [(20, 1), (20, 25, 1), (35, 1)]  # " a", " a b", " b"


@pytest.fixture(scope="module")
def model(micro_model: Path) -> Any:
    """Ends its answers now and then."""
    made = AutoModelForCausalLM.from_pretrained(micro_model).eval()
    with torch.no_grad():
        made.lm_head.weight[[1, 20, 35]] *= 1.7
    return made


def asked(count: int = 60) -> TokenRows:
    rng = random.Random(1)
    rows = []
    for _ in range(count):
        label = rng.randrange(3)
        prompt = (20, *(rng.randrange(2, 330) for _ in range(rng.randrange(1, 9))))
        rows.append(Tokens(prompt, ANSWERS[label], label))
    return TokenRows([], rows, ANSWERS, labels=("a", "a b", "b"))


def brute_force(model: Any, rows: TokenRows) -> dict[tuple[int, ...], int | None]:
    free = FreeLabels.of(rows, Pieces())
    with torch.no_grad():
        made = {row.prompt: continued(model, [row.prompt], 5, 1, 0)[0] for row in rows.validation}
    return {prompt: free.label_of(answer) for prompt, answer in made.items()}


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("batch_size", [4, 64])
def test_every_answer_is_what_decoding_its_row_alone_gives(model: Any, batch_size: int, slots: int) -> None:
    rows = asked()
    wanted = brute_force(model, rows)
    with torch.no_grad():
        found = labelled(model, rows, Pieces(), batch_size, slots)
    ordered = sorted(rows.validation, key=lambda row: len(row.prompt))
    for slot in found:
        assert slot.answered == [wanted[row.prompt] for row in ordered]
    assert {0, None} < set(wanted.values())  # some are labels, some are not


def test_only_what_is_open_is_decoded(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []

    def noted(model: Any, prompts: Any, *more: Any, **named: Any) -> Any:
        decoded.extend(prompt for prompt in prompts if prompt)
        return continued(model, prompts, *more, **named)

    monkeypatch.setattr(free_labels, "continued", noted)
    rows = asked()
    measured(model, rows, Pieces(), DATA, 64)
    assert 0 < len(decoded) < len(rows.validation)


def test_the_shares_are_scikit_learns_with_no_class_for_what_is_outside(model: Any) -> None:
    rows = asked()
    wanted = brute_force(model, rows)
    truth = [row.label for row in rows.validation]
    theirs = [-1 if wanted[row.prompt] is None else wanted[row.prompt] for row in rows.validation]
    values = measured(model, rows, Pieces(), DATA, 16).values
    assert values["eval_outside_rate"] == theirs.count(-1) / len(theirs)
    assert values["eval_generated_accuracy"] == pytest.approx(metrics.accuracy_score(truth, theirs))
    classes = sorted({*truth, *theirs} - {-1})
    assert values["eval_generated_macro_f1"] == pytest.approx(
        metrics.f1_score(truth, theirs, labels=classes, average="macro", zero_division=0)
    )


def test_the_probability_outside_is_what_the_labels_leave(model: Any) -> None:
    rows, left = asked(9), []
    for row in rows.validation:
        inside = 0.0
        for answer in ANSWERS:
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([[*row.prompt, *answer]])).logits[0].double()
            nats = logits.log_softmax(-1)[len(row.prompt) - 1 : -1].gather(-1, torch.tensor(answer)[:, None]).sum()
            inside += nats.exp().item()
        left.append(1 - inside)
    found = measured(model, rows, Pieces(), DATA, 4).values["eval_outside_probability"]
    assert found == pytest.approx(sum(left) / len(left), abs=1e-6)


def test_passes_have_one_shape_whoever_the_neighbours_are(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, seen = asked(), []
    forward = model.forward

    def noted(input_ids: Any = None, attention_mask: Any = None, **named: Any) -> Any:
        seen.append((tuple(input_ids.shape), attention_mask.bool().all().item()))
        return forward(input_ids=input_ids, attention_mask=attention_mask, **named)

    monkeypatch.setattr(model, "forward", noted)
    free = FreeLabels.of(rows, Pieces())
    longest = max((row.prompt for row in rows.validation), key=len)
    mine = [row.prompt for row in rows.validation[:3]]
    passes, answers = [], []
    for neighbours in ([], mine, [longest] * 4):
        with torch.no_grad():
            answers.append(free.decoded(model, [mine, neighbours], 4)[0])
        passes.append(seen[0])
        seen.clear()
    assert set(passes) == {((8, len(longest) + 1), False)}  # never without padding
    assert answers[0] == answers[1] == answers[2]


def test_slots_of_one_model_measure_the_same(model: Any) -> None:
    found = measured_slots(model, asked(), Pieces(), DATA, 8, slots=2)
    alone = measured(model, asked(), Pieces(), DATA, 8)
    for slot in found:
        assert slot.values == pytest.approx(alone.values, rel=1e-5) and slot.counts == alone.counts


def test_the_path_through_the_answers() -> None:
    answers = [(5, 1), (5, 6, 1), (7, 1)]
    assert walked([[5, 1, 0], [5, 1, 0], [5, 9, 9]], answers) == (0, [5, 1])
    assert walked([[5, 6, 0], [5, 6, 1], [5, 9, 9]], answers) == (1, [5, 6, 1])
    assert walked([[5, 6, 0], [5, 6, 4], [5, 9, 9]], answers) == (None, [5, 6, 4])
    assert walked([[8, 1, 0], [8, 1, 0], [8, 1, 0]], answers) == (None, [8])
