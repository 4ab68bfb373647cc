"""K slots over one frozen base: their adapters, gradients and losses, side by side."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from trainers import own_mask
from trainers.base_model import has_bf16
from trainers.packed.batch import Batch
from trainers.packed.layout import Pass
from trainers.packed.masks import Masks
from trainers.packed.shape import Shape
from trainers.packed.stacked import StackedLinear
from trainers.tokens import IGNORED

# The slots' gradients lie side by side in one matrix: views that torch would lay out otherwise, at no cost here.
warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout contract")

_ALIGNED = 64  # values: a slot's row then begins at the same place of a vector register as every other slot's


class Pack:
    """A base model whose adapted layers serve all slots.

    Attributes:
        weights: (slots, parameters): every adapter's A and B, flat, so that an optimiser sees one matrix.
        gradients: The same shape.
        layers: The adapted layers by name, in the order of `named_modules`.
        sizes: (d_in, d_out) of each.
    """

    def __init__(self, model: Any, places: Mapping[str, int], shape: Shape, pad: int) -> None:
        """Makes layers that can take the places of a frozen model's own.

        Args:
            model: A causal language model.
            places: The modules that any slot adapts, in the order of `named_modules`, each with its place among all
                that could be: norms are summed in those places, so that a slot's norm does not depend on the others'.
            shape: The pack's.
            pad: A token id for dummy rows.

        Raises:
            ValueError: The model recomputes activations, which silently drops the shared prefix from the cache.
        """
        if shape.prefix and model.is_activation_checkpointing:
            raise ValueError("activation checkpointing drops a shared prefix: train without one of them")
        self.model, self.shape, self._pad = model, shape, pad
        self.device = model.device
        linears = {name: model.get_submodule(name) for name in places}
        self.sizes = {name: (item.in_features, item.out_features) for name, item in linears.items()}
        self._spans = _spans(self.sizes, shape.r)
        end = max(span.stop for span in self._spans.values())
        self.weights = torch.zeros(shape.slots, -(-end // _ALIGNED) * _ALIGNED, device=self.device)
        self.gradients = torch.zeros_like(self.weights)
        self.masks = Masks(shape.slots, self.device)
        self.layers: dict[str, StackedLinear] = {}
        self._places = torch.tensor(list(places.values()), device=self.device)
        self._parents = [_parent(model, name) for name in places]
        for name, linear in linears.items():
            self.layers[name] = StackedLinear(linear, *self._parameters(name), self.masks)

    def _parameters(self, name: str) -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
        """Makes one layer's A and B, whose values and gradients are views of the flat matrices."""
        made = []
        for value, gradient in zip(self.views(self.weights, name), self.views(self.gradients, name), strict=True):
            parameter = torch.nn.Parameter(value)
            parameter.grad = gradient  # autograd adds into what is there
            made.append(parameter)
        return made[0], made[1]

    def views(self, flat: torch.Tensor, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns one layer's part of a flat matrix: (slots, r_max, d_in) and (slots, d_out, r_max)."""
        (d_in, d_out), r = self.sizes[name], self.shape.r
        part = flat[:, self._spans[name]]
        return part[:, : r * d_in].unflatten(1, (r, d_in)), part[:, r * d_in :].unflatten(1, (d_out, r))

    def squares(self, flat: torch.Tensor, most: int) -> torch.Tensor:
        """Returns each slot's squared norm of every module, in float64, of shape (slots, most)."""
        norms = [torch.linalg.vector_norm(flat[:, span], dim=1) for span in self._spans.values()]
        found = torch.zeros(len(flat), most, dtype=torch.float64, device=self.device)
        found[:, self._places] = torch.stack(norms, 1).double() ** 2
        return found

    @contextlib.contextmanager
    def installed(self, slots: Sequence[int] | None = None) -> Iterator[Any]:
        """Puts the layers into the model for as long as the context lasts, and yields it.

        Args:
            slots: Those to serve, each with its own share of the rows; all of them by default.
        """
        for (parent, child), layer in zip(self._parents, self.layers.values(), strict=True):
            layer.show(slots)
            parent._modules[child] = layer
        try:
            yield self.model
        finally:
            for (parent, child), layer in zip(self._parents, self.layers.values(), strict=True):
                layer.show(None)
                parent._modules[child] = layer.base

    def backward(
        self, passes: Sequence[Pass], tokens: Sequence[float], smoothing: Sequence[float] = ()
    ) -> torch.Tensor:
        """Adds the gradients of every slot's rows.

        Args:
            passes: What each slot computes; nothing for a slot that pauses.
            tokens: What each slot's sum is divided by: the completion tokens of its whole update, as they weigh.
            smoothing: Each slot's `training.label_smoothing_factor`; nothing where nobody smooths.

        Returns:
            Each slot's loss, of shape (slots,): nats per token of its update, 0 for a slot that pauses.
        """
        divisors = torch.tensor([count or 1 for count in tokens], device=self.device)
        losses = self.nats(passes, smoothing).sum(1) / divisors
        losses.sum().backward()
        return losses.detach()

    def nats(self, passes: Sequence[Pass], smoothing: Sequence[float] = ()) -> torch.Tensor:
        """Returns what each completion token costs, in nats times its weight, of shape (slots, rows * completion).

        Args:
            passes: What each slot computes. Its rows come in the order of its lines, 0 beyond a completion's end.
            smoothing: As for `backward`.
        """
        batch = Batch.of(passes, self.shape, self._pad, self.device)
        with self.installed(), self._precision():
            logits = self._logits(batch)
        costs = _costs(logits, batch.targets, smoothing)
        return costs if batch.weights is None else costs * batch.weights

    def _precision(self) -> torch.autocast:
        """Returns TRL's mixed precision: bfloat16 on a GPU that has it, none on a CPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=has_bf16(self.device))

    def _logits(self, batch: Batch) -> torch.Tensor:
        """Returns the logits that predict completions: (slots, rows * completion, vocabulary)."""
        begin, cache = len(self.shape.prefix), None
        if begin:
            shared = torch.tensor([self.shape.prefix] * self.shape.slots, device=self.device)
            cache = self.model(input_ids=shared, logits_to_keep=1, use_cache=True).past_key_values
            cache.batch_repeat_interleave(len(batch.ids) // self.shape.slots)
        apart: dict[str, torch.Tensor] = {}
        if self.shape.is_dense:  # a line of one row needs no mask: a causal model does not see what follows
            apart = {
                "position_ids": batch.positions,
                "attention_mask": own_mask.mask(self.model, batch.sees(begin)),
            }
        with _predicting(self.model, batch.predicting) as chosen:
            out = self.model(input_ids=batch.ids, past_key_values=cache, use_cache=bool(begin), **apart)
        return chosen(out.logits)


def _costs(logits: torch.Tensor, targets: torch.Tensor, smoothing: Sequence[float]) -> torch.Tensor:
    """Returns what tokens cost, of shape (slots, picked), each slot's as its own smoothing has it.

    A slot that smooths is computed once more by itself: so the others, and it, come out as beside any neighbour.
    """
    plain = _cross_entropy(logits.flatten(0, 1), targets.flatten()).view(targets.shape)
    if not any(smoothing):
        return plain
    slots = zip(plain.unbind(), logits.unbind(), targets, smoothing, strict=True)
    return torch.stack([_cross_entropy(own, at, share) if share else one for one, own, at, share in slots])


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(
        logits.float(), targets, ignore_index=IGNORED, reduction="none", label_smoothing=smoothing
    )


@contextlib.contextmanager
def _predicting(model: Any, where: torch.Tensor) -> Iterator[Any]:
    """Has the head compute logits where a completion is predicted: `logits_to_keep` knows positions of all rows only.

    The model still does what it does with logits (some scale or cap them). Yields what takes them out of its result.
    """
    done = []

    def narrow(head: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        done.append(head)
        return (_at(inputs[0], where), *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(narrow)
    try:
        yield lambda logits: logits if done else _at(logits, where)
    finally:
        hook.remove()


def _at(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Picks tokens of each slot: (slots * lines, length, features) becomes (slots, picked, features)."""
    slots = values.reshape(len(where), -1, values.shape[-1])
    return slots.gather(1, where[:, :, None].expand(-1, -1, values.shape[-1]))


def _spans(sizes: Mapping[str, tuple[int, int]], r: int) -> dict[str, slice]:
    ends = list(itertools.accumulate(r * (d_in + d_out) for d_in, d_out in sizes.values()))
    return {name: slice(begin, end) for name, begin, end in zip(sizes, [0, *ends], ends, strict=False)}


def _parent(model: Any, name: str) -> tuple[torch.nn.Module, str]:
    parent, _, child = name.rpartition(".")
    return model.get_submodule(parent), child
