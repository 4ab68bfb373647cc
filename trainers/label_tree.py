"""All answers behind each prompt in one forward pass: branches of a tree that see the prompt and themselves alone.

What branches off a prompt continues it at the same positions, so that every answer's tokens see just what they would
see behind the prompt alone. Attention is told so by a mask of its own, which not every model heeds.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers import own_mask

Answers = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Beginning:
    """What all prompts begin with: its cache, one share per slot (None where there is nothing), and its length."""

    cache: Any
    length: int
    slots: int

    def before(self, prompts: int) -> Any:
        """Returns a cache that so many prompts per slot can continue."""
        cache = copy.deepcopy(self.cache)
        if cache is not None:
            cache.batch_repeat_interleave(prompts)
        return cache


@dataclass(frozen=True)
class Tree:
    """A batch of prompts, each with its branches behind it.

    Attributes:
        ids: (batch, sequence): prompts filled up on the right, then the answers but for their last tokens.
        positions: The same shape.
        sees: (batch, 1, sequence, begin + sequence), True where a token may look; `begin` tokens came before.
        lasts: (batch,): where each prompt ends.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    sees: torch.Tensor
    lasts: torch.Tensor

    @classmethod
    def grown(cls, prompts: Sequence[Sequence[int]], answers: Answers, begin: int) -> Tree:
        """Lays out a batch.

        Args:
            prompts: What comes behind the `begin` tokens that all share.
            answers: Token ids of each answer.
            begin: How many tokens were run before.
        """
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        longest, depth = int(lengths.max()), max(map(len, answers)) - 1
        branches = [[*answer[:-1], *[0] * (depth - len(answer) + 1)] for answer in answers]
        flat = [token for branch in branches for token in branch]
        ids = torch.tensor([[*prompt, *[0] * (longest - len(prompt)), *flat] for prompt in prompts])
        along = torch.arange(depth).repeat(len(answers))
        positions = torch.cat([torch.arange(longest).expand(len(prompts), -1), lengths[:, None] + along], 1)
        return cls(ids, begin + positions, _sees(lengths, longest, len(answers), depth, begin), lengths - 1)


def _sees(lengths: torch.Tensor, longest: int, answers: int, depth: int, begin: int) -> torch.Tensor:
    count = answers * depth
    branch, along = torch.arange(answers).repeat_interleave(depth), torch.arange(depth).repeat(answers)
    inside = (branch[:, None] == branch) & (along[:, None] >= along)  # (branches' tokens, branches' tokens)
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    whole = torch.zeros(len(lengths), 1, longest + count, begin + longest + count, dtype=torch.bool)
    whole[..., :begin] = True
    whole[:, :, :longest, begin : begin + longest] = causal
    whole[:, :, longest:, begin : begin + longest] = (torch.arange(longest) < lengths[:, None])[:, None, None]
    whole[:, :, longest:, begin + longest :] = inside
    return whole


def logits(model: Any, beginning: Beginning, prompts: Sequence[Sequence[int]], answers: Answers) -> torch.Tensor:
    """Returns the logits that predict every token of every answer, (slots * batch, answers, tokens, vocabulary).

    Args:
        model: A causal language model in evaluation mode.
        beginning: What the prompts share.
        prompts: What comes behind it.
        answers: Token ids of each answer.
    """
    slots, cache = beginning.slots, beginning.before(len(prompts))
    tree = Tree.grown(prompts, answers, beginning.length)
    device, depth = model.device, max(map(len, answers)) - 1
    first, longest = int(tree.lasts.min()), int(tree.lasts.max()) + 1
    out = model(
        input_ids=tree.ids.repeat(slots, 1).to(device),
        position_ids=tree.positions.repeat(slots, 1).to(device),
        attention_mask=own_mask.mask(model, tree.sees.repeat(slots, 1, 1, 1).to(device)),
        past_key_values=cache,
        use_cache=cache is not None,
        logits_to_keep=torch.arange(first, tree.ids.shape[1], device=device),
    ).logits
    lasts = (tree.lasts - first).repeat(slots).to(device)
    firsts = out[torch.arange(len(out), device=device), lasts][:, None, None].expand(-1, len(answers), 1, -1)
    later = out[:, longest - first :].unflatten(1, (len(answers), depth)) if depth else firsts[:, :, :0]
    return torch.cat([firsts, later], 2)
