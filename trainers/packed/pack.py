"""K slots over one frozen base: their adapters, gradients and losses, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.packed.stacked import Masks, StackedLinear
from trainers.tokens import IGNORED, Tokens


@dataclass(frozen=True)
class Shape:
    """What is constant for a sweep, filled with dummy rows and zeros: a trial's curve does not feel its neighbours.

    `first` is the first position that any row predicts; logits are computed from there on.
    """

    slots: int
    rows: int
    length: int
    r: int
    first: int = 0


class Pack:
    """A base model whose adapted layers serve all slots.

    Attributes:
        weights: (slots, parameters): every adapter's A and B, flat, so that an optimiser sees one matrix.
        gradients: The same shape.
    """

    def __init__(self, model: Any, names: Sequence[str], shape: Shape, pad: int, prefix: Sequence[int] = ()) -> None:
        """Replaces the named linear layers of a frozen model.

        Args:
            model: A causal language model.
            names: The modules that any slot adapts, in the order of `named_modules`.
            shape: The pack's.
            pad: A token id for dummy rows.
            prefix: What every row begins with: it is run once per slot, not once per row.
        """
        self.model, self.shape, self._pad, self._prefix = model, shape, pad, list(prefix)
        self.device = model.device
        linears = [model.get_submodule(name) for name in names]
        sizes = [shape.r * (item.in_features + item.out_features) for item in linears]
        self.weights = torch.zeros(shape.slots, sum(sizes), device=self.device)
        self.gradients = torch.zeros_like(self.weights)
        self.masks = Masks(shape.slots, self.device)
        self.layers: dict[str, StackedLinear] = {}
        begin = 0
        for name, linear, size in zip(names, linears, sizes, strict=True):
            self.layers[name] = self._stacked(linear, begin)
            _put(model, name, self.layers[name])
            begin += size

    def _stacked(self, linear: Any, begin: int) -> StackedLinear:
        """Makes one layer, whose parameters and gradients are views of the flat matrices."""
        middle = begin + self.shape.r * linear.in_features
        end = middle + self.shape.r * linear.out_features
        a = self._view(begin, middle, (self.shape.r, linear.in_features))
        b = self._view(middle, end, (linear.out_features, self.shape.r))
        return StackedLinear(linear, a, b, self.masks)

    def _view(self, begin: int, end: int, shape: tuple[int, int]) -> torch.nn.Parameter:
        parameter = torch.nn.Parameter(self.weights[:, begin:end].unflatten(1, shape))
        parameter.grad = self.gradients[:, begin:end].unflatten(1, shape)  # autograd adds into what is there
        return parameter

    def unload(self) -> Any:
        """Gives the base its own layers back, and returns it."""
        for name, layer in self.layers.items():
            _put(self.model, name, layer.base)
        return self.model

    def backward(self, batches: Sequence[Sequence[Tokens]], tokens: Sequence[int]) -> torch.Tensor:
        """Adds the gradients of every slot's micro-batch.

        Args:
            batches: A micro-batch per slot, empty for a slot that pauses.
            tokens: What each slot's sum is divided by: the completion tokens of its whole update.

        Returns:
            Each slot's loss, of shape (slots,): nats per token of its update, 0 for a slot that pauses.
        """
        ids, targets = self._batch(batches)
        logits = self._logits(ids).float()
        nats = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
        )
        divisors = torch.tensor([max(1, count) for count in tokens], device=self.device)
        losses = nats.view(self.shape.slots, -1).sum(1) / divisors
        losses.sum().backward()
        return losses.detach()

    def _logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Returns the logits of positions `first` to the last but one, (slots * rows, positions, vocabulary)."""
        begin = len(self._prefix)
        kept = torch.arange(self.shape.first - begin, self.shape.length - 1 - begin, device=self.device)
        if not begin:
            return torch.as_tensor(self.model(input_ids=ids, logits_to_keep=kept, use_cache=False).logits)
        shared = torch.tensor([self._prefix] * self.shape.slots, device=self.device)
        cache = self.model(input_ids=shared, logits_to_keep=1, use_cache=True).past_key_values
        cache.batch_repeat_interleave(self.shape.rows)
        out = self.model(input_ids=ids[:, begin:], past_key_values=cache, logits_to_keep=kept, use_cache=True)
        return torch.as_tensor(out.logits)

    def _batch(self, batches: Sequence[Sequence[Tokens]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns input ids (slots * rows, length) and what positions `first` to the last but one predict.

        Rows are filled up on the right: a causal model's earlier positions do not see what follows, so that no
        attention mask is needed, and rows that are no one's are as long as the others.
        """
        shape = self.shape
        ids = torch.full((shape.slots * shape.rows, shape.length), self._pad)
        targets = torch.full_like(ids, IGNORED)
        for slot, rows in enumerate(batches):
            for at, row in enumerate(rows, start=slot * shape.rows):
                end = len(row.prompt) + len(row.completion)
                ids[at, :end] = torch.tensor((*row.prompt, *row.completion))
                targets[at, len(row.prompt) : end] = torch.tensor(row.completion)
        return ids.to(self.device), targets[:, shape.first + 1 :].to(self.device)


def _put(model: Any, name: str, module: torch.nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
