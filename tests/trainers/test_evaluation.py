"""The objective and the label scores against brute force and scikit-learn."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score, precision_recall_fscore_support
from transformers import AutoModelForCausalLM

from trainers import label_groups, label_scores, own_mask
from trainers.evaluation import as_test, measured, measured_slots
from trainers.label_scores import score
from trainers.minority import minority_scores
from trainers.token_loss import Totals
from trainers.tokens import TokenRows, Tokens
from trainers.trial import Data

ANSWERS = [(5, 1), (6, 7, 1), (8, 9, 10, 1)]


@pytest.fixture(scope="module")
def model(micro_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(micro_model).eval()


def rows(count: int = 17, prefix: tuple[int, ...] = (20, 21, 22)) -> list[Tokens]:
    rng = random.Random(0)
    made = []
    for _ in range(count):
        label = rng.randrange(3)
        prompt = prefix + tuple(rng.randrange(11, 60) for _ in range(rng.randrange(1, 9)))
        made.append(Tokens(prompt, ANSWERS[label], label))
    return made


class Words:
    """Reads token 5 as ` w5`, and so on; 0 fills up, 1 ends a text."""

    eos_token_id, pad_token_id = 1, 0

    def decode(self, ids: Sequence[int], skip_special_tokens: bool, clean_up_tokenization_spaces: bool) -> str:
        assert skip_special_tokens and not clean_up_tokenization_spaces
        return "".join(f" w{index}" for index in ids if index > 1)


def asked(made: list[Tokens], answers: Sequence[tuple[int, ...]] = ANSWERS, minority: int | None = None) -> TokenRows:
    labels = tuple(Words().decode(answer, True, False).strip() for answer in answers)
    return TokenRows([], made, list(answers), minority, labels=labels)


def evaluate(model: Any, rows: TokenRows, batch_size: int = 8) -> dict[str, float]:
    return measured(model, rows, Words(), Data("made", "up"), batch_size).values


def log_probabilities(model: Any, prompt: tuple[int, ...], completion: tuple[int, ...]) -> torch.Tensor:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *completion]])).logits[0].double()
    picked = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    return picked.gather(-1, torch.tensor(completion)[:, None])[:, 0]


@pytest.mark.parametrize("prefix", [(), (20, 21, 22)])
@pytest.mark.parametrize(("batch_size", "together"), [(1, 512), (4, 512), (64, 512), (64, 3), (64, 6)])
def test_label_scores_equal_brute_force(
    model: Any, monkeypatch: pytest.MonkeyPatch, prefix: tuple[int, ...], batch_size: int, together: int
) -> None:
    monkeypatch.setattr(label_groups, "MOST_TOGETHER", together)
    seen = 0
    with torch.no_grad():
        batches = list(score(model, rows(prefix=prefix), ANSWERS, batch_size))
    for batch, scores in batches:
        for index, row in enumerate(batch):
            seen += 1
            for label, answer in enumerate(ANSWERS):
                want = log_probabilities(model, row.prompt, answer)
                got = scores.log_probabilities[index, label]
                assert torch.allclose(got[: len(answer)].double(), want, atol=1e-5)
                assert got[len(answer) :].abs().sum() == 0
    assert seen == 17


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_loss_is_token_weighted_whatever_the_batch_size(model: Any, labelled: bool, batch_size: int) -> None:
    made = rows()
    nats = torch.cat([log_probabilities(model, row.prompt, row.completion) for row in made])
    values = evaluate(model, asked(made, ANSWERS if labelled else []), batch_size)
    assert values["eval_loss"] == pytest.approx(-nats.mean().item(), abs=1e-5)
    assert values["perplexity"] == pytest.approx(torch.exp(-nats.mean()).item(), rel=1e-5)
    assert ("eval_macro_f1" in values) == labelled


def test_predictions_are_the_best_answers(model: Any) -> None:
    made = rows()
    best = [max(range(3), key=lambda label: log_probabilities(model, row.prompt, ANSWERS[label]).sum()) for row in made]
    values = evaluate(model, asked(made), 8)
    truth = [row.label for row in made]
    assert values["eval_accuracy"] == sum(a == b for a, b in zip(truth, best, strict=True)) / len(made)
    assert values["eval_macro_f1"] == pytest.approx(f1_score(truth, best, average="macro"))


@pytest.mark.parametrize("labelled", [True, False])
def test_perplexity_is_the_exponential_of_the_loss(model: Any, labelled: bool) -> None:
    values = evaluate(model, asked(rows(), ANSWERS if labelled else []))
    assert values["perplexity"] == math.exp(values["eval_loss"])


def test_the_perplexity_of_a_loss_that_is_no_number_is_none_either() -> None:
    assert math.isnan(Totals(math.nan, 0, 3).values()["perplexity"])
    assert Totals(3e5, 0, 3).values()["perplexity"] == math.inf


def test_only_the_trained_turns_of_a_conversation_count(model: Any) -> None:
    """Their tokens see the turns between them, which are not counted themselves."""
    talk = Tokens((20, 21), (30, 31, 40, 41, 42, 1), trained=(True, True, False, False, True, True))
    plain = Tokens((20, 22), (50, 1))
    one, other = (log_probabilities(model, row.prompt, row.completion) for row in (talk, plain))
    nats = torch.cat([one[[0, 1, 4, 5]], other])
    assert evaluate(model, asked([talk, plain], []))["eval_loss"] == pytest.approx(-nats.mean().item(), abs=1e-5)


def test_many_labels_are_scored_in_groups() -> None:
    assert label_groups.grouped(ANSWERS) == [ANSWERS]
    many = [tuple(range(27))] * 221
    groups = label_groups.grouped(many)
    assert [answer for group in groups for answer in group] == many and max(map(len, groups)) * 26 <= 512


def test_labels_have_scores_of_their_own_and_a_confusion_matrix(model: Any) -> None:
    made = rows()
    best = [max(range(3), key=lambda label: log_probabilities(model, row.prompt, ANSWERS[label]).sum()) for row in made]
    found, truth = measured(model, asked(made), Words(), Data("made", "up"), 8), [row.label for row in made]
    theirs = precision_recall_fscore_support(truth, best, labels=[0, 1, 2], zero_division=0)
    for index, label in enumerate(("w5", "w6 w7", "w8 w9 w10")):
        mine = [found.values[f"eval_{name}/{label}"] for name in ("precision", "recall", "f1")]
        assert mine == pytest.approx([share[index] for share in theirs[:3]])
    assert sum(rows for *_, rows in found.counts) == len(made) and found.labels == ["w5", "w6 w7", "w8 w9 w10"]
    assert {(true, taken) for true, taken, _ in found.counts} == set(zip(truth, best, strict=True))


def test_a_threshold_of_other_rows_is_used_as_it_is(model: Any) -> None:
    made = asked(rows(30), minority=1)
    values = measured(model, made, Words(), Data("made", "up"), 8, threshold=0.25).values
    best = evaluate(model, made)
    assert values["minority_threshold"] == 0.25 and values["eval_minority_f1"] <= best["eval_minority_f1"]
    assert values["eval_loss"] == best["eval_loss"]


def test_test_rows_have_names_of_their_own() -> None:
    assert as_test({"eval_loss": 1, "perplexity": 2, "eval_f1/sad": 3}) == {
        "test_loss": 1,
        "test_perplexity": 2,
        "test_f1/sad": 3,
    }


@pytest.mark.parametrize("minority", [0, 1, 2])
def test_the_minority_is_scored_by_its_probability_among_the_labels(model: Any, minority: int) -> None:
    made = rows(30)
    nats = [[log_probabilities(model, row.prompt, answer).sum().item() for answer in ANSWERS] for row in made]
    shares = [torch.tensor(row).double().softmax(-1)[minority].item() for row in nats]
    wanted = minority_scores([row.label == minority for row in made], shares)
    found = evaluate(model, asked(made, minority=minority), 8)
    assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=1e-5)
    assert set(found) - set(wanted) == set(evaluate(model, asked(made), 8))


@pytest.mark.parametrize("minority", [None, 0])
def test_how_sure_of_its_labels_and_how_much_alike_they_are(model: Any, minority: int | None) -> None:
    made = rows(30)
    nats = [[log_probabilities(model, row.prompt, answer).sum().item() for answer in ANSWERS] for row in made]
    probabilities = torch.tensor(nats).double().exp() / torch.tensor(nats).double().exp().sum(1, keepdim=True)
    predicted = probabilities.argmax(1).tolist()
    found = evaluate(model, asked(made, minority=minority), 8)
    assert found["eval_confidence"] == pytest.approx(sum(max(row) for row in probabilities.tolist()) / 30, abs=1e-5)
    assert found["eval_predicted_share"] == max(predicted.count(label) for label in range(3)) / 30
    assert "eval_confidence" not in evaluate(model, asked(made, []), 8)


def test_slots_that_share_a_pass_have_their_own_confidence(model: Any) -> None:
    alone = evaluate(model, asked(rows()), 4)
    shared = measured_slots(model, asked(rows()), Words(), Data("made", "up"), 4, slots=2)
    slots = [slot.values for slot in shared]
    assert [slot["eval_confidence"] for slot in slots] == pytest.approx([alone["eval_confidence"]] * 2, abs=1e-5)
    assert [slot["eval_predicted_share"] for slot in slots] == [alone["eval_predicted_share"]] * 2


def test_a_completion_that_was_cut_counts_as_it_is(model: Any) -> None:
    made = [*rows(5), Tokens((20, 21, 22, 30), (8, 9), 2)]
    nats = torch.cat([log_probabilities(model, row.prompt, row.completion) for row in made])
    assert evaluate(model, asked(made), 8)["eval_loss"] == pytest.approx(-nats.mean().item(), abs=1e-5)


def test_the_model_keeps_its_mode(model: Any) -> None:
    model.train()
    evaluate(model, asked(rows(3)), 8)
    assert model.training
    model.eval()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_tree_of_answers_is_what_they_are_one_by_one(
    micro_model: Path, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = AutoModelForCausalLM.from_pretrained(micro_model, attn_implementation=attention).eval()
    with torch.no_grad():
        tree = evaluate(own, asked(rows()), 4)
        assert label_scores._GROWS[own]  # it was tried, and heeded its mask
        monkeypatch.setattr(own_mask, "is_taken", lambda model, length: False)
        assert evaluate(own, asked(rows()), 4) == pytest.approx(tree, rel=1e-5)


def test_a_model_that_does_not_heed_a_mask_is_asked_one_by_one(
    micro_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its branches see each other and what prompts are filled up with: that is noticed."""
    own = AutoModelForCausalLM.from_pretrained(micro_model).eval()
    right = evaluate(own, asked(rows()), 4)
    deaf = AutoModelForCausalLM.from_pretrained(micro_model).eval()
    forward = deaf.forward
    monkeypatch.setattr(deaf, "forward", lambda attention_mask=None, **others: forward(attention_mask=None, **others))
    assert evaluate(deaf, asked(rows()), 4) == pytest.approx(right, rel=1e-5)
    assert label_scores._GROWS[own] and not label_scores._GROWS[deaf]


def test_windows_shorter_than_the_rows_are_left_to_the_model(micro_model: Path) -> None:
    own = AutoModelForCausalLM.from_pretrained(micro_model)
    assert own_mask.is_taken(own, 100)
    own.config.sliding_window = 50
    assert own_mask.is_taken(own, 50) and not own_mask.is_taken(own, 51)
    own.config._attn_implementation = "flash_attention_2"
    assert not own_mask.is_taken(own, 10)
