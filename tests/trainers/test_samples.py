"""Prompts are answered at every rung, for people to read, by whichever trainer, and change nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packs import Drive, with_lora

from trainers import base_model, data, sft
from trainers.data import Example, Rows, prompt_of
from trainers.packed.trainer import PackedTrainer
from trainers.probes.greedy import continued
from trainers.registry import Resources
from trainers.samples import samples
from trainers.seam import Began, Event, Failed, GoOn, Rung, Sampled, Start, Stop
from trainers.tokens import tokenize
from trainers.trial import TrialConfig, reference_of

PROMPTS = ["what a day", "nobody laughed"]


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    made = micro_trial(dropout=0.1, template="feel: {text} ->", learning_rate=2e-2, max_steps=4, eval_steps=2)
    return asking(made, *PROMPTS)


def asking(config: TrialConfig, *prompts: str) -> TrialConfig:
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, validation_prompts=list(prompts), max_new_tokens=5)
    )


def run(trainer: Any, config: TrialConfig, folder: Path) -> list[Event]:
    events = list(trainer.advance([Start("t", config, str(folder / "adapter"), str(folder / "state"))]))
    while not isinstance(events[-1], Failed) and any(isinstance(event, Rung) for event in events[-1:]):
        last = events[-1].step == max(0, config.training.max_steps)
        events += trainer.advance([(Stop if last else GoOn)("t")])
    return events


def answers(events: list[Event]) -> dict[int, list[tuple[str, str]]]:
    return {event.step: event.samples for event in events if isinstance(event, Sampled)}


def test_every_rung_is_preceded_by_an_answer_to_each_prompt(config: TrialConfig, tmp_path: Path) -> None:
    events = run(sft.make(Resources()), config, tmp_path)
    rungs = [at for at, event in enumerate(events) if isinstance(event, Rung)]
    assert len(rungs) == 2 and all(isinstance(events[at - 1], Sampled) for at in rungs)
    found = answers(events)
    assert [[prompt for prompt, _ in found[step]] for step in (2, 4)] == [PROMPTS, PROMPTS]
    assert found[2] != found[4]  # it has learned something in between


def test_the_untrained_base_answers_as_it_would_by_itself(config: TrialConfig, tmp_path: Path) -> None:
    base = base_model.load(config.model, config.quantization, torch.device("cpu"))
    ids = [base.tokenizer(prompt_of(prompt, config.data))["input_ids"] for prompt in PROMPTS]
    with torch.no_grad():
        alone = [continued(base.model.eval(), [one], 5, 1, 0)[0] for one in ids]
    expected = [base.tokenizer.decode(tokens, skip_special_tokens=True) for tokens in alone]
    events = run(sft.make(Resources()), reference_of(config), tmp_path)
    assert isinstance(events[0], Began) and [answer for _, answer in answers(events)[0]] == expected


def rendered(rows: Rows, config: TrialConfig, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Returns what the prompts read as for the model, and its answers where it says the prompts again."""
    base = base_model.load(config.model, config.quantization, torch.device("cpu"))
    asked: list[list[int]] = []

    def echoed(model: Any, ids: list[list[int]], *arguments: Any, ends: set[int]) -> list[list[int]]:
        asked.extend(ids)
        return ids

    monkeypatch.setattr("trainers.samples.continued", echoed)
    (made,) = samples(base.model, base, config.data, tokenize(rows, base.tokenizer, 200))
    return [base.tokenizer.decode(ids) for ids in asked], [answer for _, answer in made]


def test_choices_are_the_labels_of_the_rows_where_none_are_named(
    config: TrialConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = dataclasses.replace(config, data=dataclasses.replace(config.data, template="{choices}: {text} ->"))
    assert named.data.labels is None
    prompts, _ = rendered(data.load(named.data), named, monkeypatch)
    assert prompts == [f"happy, sad: {prompt} ->" for prompt in PROMPTS]


def test_in_conversations_a_prompt_is_what_a_user_says(config: TrialConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    talks = [Example("a", "b", messages=turns)]
    prompts, answers = rendered(Rows(talks, talks), config, monkeypatch)
    assert prompts == [f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n" for prompt in PROMPTS]
    assert answers == prompts


def test_prompts_change_no_curve(config: TrialConfig, tmp_path: Path) -> None:
    trainer, timeless = sft.make(Resources()), {"tokens_per_s"}
    curves = [
        [
            (event.step, {key: value for key, value in event.values.items() if key not in timeless})
            for event in run(trainer, one, tmp_path)
            if isinstance(event, Rung) or type(event).__name__ == "Logged"
        ]
        for one in (asking(config), config)
    ]
    assert curves[0] == curves[1]


def test_a_pack_answers_slot_by_slot_as_each_trial_alone(config: TrialConfig, tmp_path: Path) -> None:
    ranks = {f"r{r}": with_lora(config, r=r, alpha=2 * r, dropout=0.0) for r in (2, 4)}  # its masks are a pack's own
    pack = Answered(PackedTrainer(Resources(capacity=2)), tmp_path, ranks)
    pack.run()
    for name, one in ranks.items():
        assert pack.answers[name] == answers(run(sft.make(Resources()), one, tmp_path / name))


class Answered(Drive):
    """Keeps what trials answer."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answers: dict[str, dict[int, list[tuple[str, str]]]] = {name: {} for name in self.trials}

    def take(self, event: Event, decide: Any) -> Any:
        if isinstance(event, Sampled):
            self.answers[event.trial][event.step] = event.samples
        return super().take(event, decide)
