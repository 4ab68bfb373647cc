"""Self-supervised exercises: name words of a sentence.

They stand in the frame of an instruction. To solve them the model must attend to the text and not to the words that the
instruction lists, which is what an adapter for a classification needs too. Only texts are turned into exercises.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from trainers.tiny.items import Answer, Item
from trainers.tiny.tokenizer import EOS

REPETITIONS = 4
"""Exercises per sentence, each with an instruction of its own."""

FRAME = "Instruction: {task}\n\nText: {text}\n\nAnswer:"
REPEAT = "Repeat the words of the following text in any order."
EXCEPT = ("Leave out", "Except")
NAME = "Name the word that is in the following text.\nChoose from"

NAME_SHARE, EXCEPT_SHARE = 0.5, 0.25
"""Of the exercises. The words after EXCEPT are drawn blindly: all they teach is that a list is not the text."""

LISTED = 6
"""Words in a list."""

WHOLE_WORD = re.compile("\u0120[A-Za-z]{2,}")
"""A token with a space in front (U+0120 in byte-level BPE), of more than one letter."""


@dataclass(frozen=True)
class Words:
    """Whole words as token ids: the distinct ones of each sentence, and those of all sentences with their spelling."""

    of_sentence: list[list[int]]
    spelling: dict[int, str]

    def listed(self, tokens: Sequence[int]) -> str:
        """Returns the spelling of some words, separated by commas."""
        return ", ".join(self.spelling[token] for token in tokens)


@dataclass(frozen=True)
class Task:
    """An instruction about a sentence, and the one word of its list that is in the sentence, if it asks for it."""

    sentence: int
    instruction: str
    named: int | None = None


def exercises(
    sentences: Sequence[str], present: torch.Tensor, tokenizer: PreTrainedTokenizerFast, rng: random.Random
) -> list[Item]:
    """Makes exercises from texts.

    Args:
        sentences: The texts.
        present: 1 where a sentence has a token and 0 elsewhere, of shape (sentences, vocabulary).
        tokenizer: It spells the words and makes the ids.
        rng: Draws the instructions and the answers.

    Returns:
        REPETITIONS exercises for every sentence that has a whole word.
    """
    words = _words(present, tokenizer)
    numbers = [number for number, tokens in enumerate(words.of_sentence) if tokens]
    tasks = [_task(number, words, rng) for _ in range(REPETITIONS) for number in numbers]
    prompts = [FRAME.format(task=task.instruction, text=sentences[task.sentence]) for task in tasks]
    encoded = zip(tasks, tokenizer(prompts)["input_ids"], strict=True)
    return [_item(task, ids, words, rng) for task, ids in encoded]


def _words(present: torch.Tensor, tokenizer: PreTrainedTokenizerFast) -> Words:
    whole = {token for spelling, token in tokenizer.get_vocab().items() if WHOLE_WORD.fullmatch(spelling)}
    of_sentence = [[token for token in row.nonzero()[:, 0].tolist() if token in whole] for row in present]
    known = sorted({token for tokens in of_sentence for token in tokens})
    return Words(of_sentence, {token: tokenizer.decode([token]).strip() for token in known})


def _task(sentence: int, words: Words, rng: random.Random) -> Task:
    kind = rng.random()
    drawn = rng.sample([*words.spelling], min(LISTED, len(words.spelling)))
    if kind < NAME_SHARE:
        named = rng.choice(words.of_sentence[sentence])
        drawn[rng.randrange(len(drawn))] = named
        return Task(sentence, f"{NAME}: {words.listed(drawn)}.", named)
    if kind < NAME_SHARE + EXCEPT_SHARE:
        return Task(sentence, f"{REPEAT}\n{rng.choice(EXCEPT)}: {words.listed(drawn)}.")
    return Task(sentence, REPEAT)


def _item(task: Task, prompt: list[int], words: Words, rng: random.Random) -> Item:
    word = task.named or rng.choice(words.of_sentence[task.sentence])
    return Item([*prompt, word, EOS], Answer(len(prompt) - 1, task.sentence, task.named))
