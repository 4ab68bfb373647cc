"""What a model answers to prompts that somebody wants to read while it trains (document 004, Risk Mitigation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from trainers.base_model import Base
from trainers.data import prompt_of
from trainers.probes.greedy import continued
from trainers.seam import TrialFailed
from trainers.tokens import TokenRows
from trainers.trial import Data

Sample = tuple[str, str]
"""A prompt as it was typed, and the answer."""


def samples(model: Any, base: Base, data: Data, rows: TokenRows, slots: int = 1) -> list[list[Sample]]:
    """Answers `data.validation_prompts` greedily; no random number is drawn.

    Args:
        model: A causal language model, with or without adapters; its first share of rows belongs to slot 0, and so on.
            It is left in the mode it was in.
        base: Its tokenizer.
        data: The prompts, the template around each, and the most new tokens.
        rows: The trial's rows: a prompt is rendered as they are.
        slots: How many models share the pass.

    Returns:
        A pair per prompt, slot by slot; special tokens are left out of the answers.

    Raises:
        TrialFailed: A prompt has no token.
    """
    prompts, tokenizer = data.validation_prompts, base.tokenizer
    mode = model.training
    model.eval()
    with torch.no_grad():
        ids = _ids(prompts, data, tokenizer, rows) * slots
        end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
        made = continued(model, ids, data.max_new_tokens, end, pad, ends=_ends(rows))
    model.train(mode)
    answers = [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in made]
    count = len(prompts)
    return [list(zip(prompts, answers[at : at + count], strict=True)) for at in range(0, len(answers), count)]


def _ends(rows: TokenRows) -> set[int]:
    """Returns the tokens that end what an assistant says, besides the end of a sequence."""
    return set() if rows.chat is None else rows.chat.ends(row.completion for row in rows.validation)


def _ids(prompts: Sequence[str], data: Data, tokenizer: Any, rows: TokenRows) -> list[list[int]]:
    """Returns each prompt's ids: what a user says in a conversation, else the text in the template."""
    if rows.chat is not None:
        return [rows.chat.question(prompt) for prompt in prompts]
    found = [list(tokenizer(_rendered(prompt, data, rows))["input_ids"]) for prompt in prompts]
    if not all(found):
        raise TrialFailed(f"data.validation_prompts={list(prompts)}: a prompt has no token; try one with a word in it")
    return found


def _rendered(prompt: str, data: Data, rows: TokenRows) -> str:
    return prompt_of(prompt, data, rows.labels, instructed=rows.instructed)
