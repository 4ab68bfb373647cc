"""What the slots of a pack hold: weights, moments and dropout's randomness, which come and go with their trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from trainers.base_model import Base
from trainers.packed import adamw, initial
from trainers.packed.pack import Pack
from trainers.packed.shape import Shape
from trainers.packed.targets import Targets
from trainers.trial import TrialConfig

Tensors = dict[str, torch.Tensor]
"""A trial's tensors by name, of its own rank: they fit into any slot of any pack."""


class Slots:
    """A pack, its optimiser, and what each slot needs to train."""

    def __init__(self, base: Base, places: Mapping[str, int], names: Iterable[str], shape: Shape) -> None:
        """Makes room for `shape.slots` trials.

        Args:
            base: The frozen base.
            places: All its linear layers, each with its place among them.
            names: Those that a slot may adapt.
            shape: The pack's.
        """
        wanted = set(names)
        ordered = {name: place for name, place in places.items() if name in wanted}
        self.pack = Pack(base.model, ordered, shape, base.tokenizer.pad_token_id)
        self._moments = adamw.Moments.like(self.pack.weights)
        self._places = len(places)

    @property
    def shape(self) -> Shape:
        """The pack's."""
        return self.pack.shape

    def serves(self, names: Sequence[str]) -> bool:
        """True where all these layers are the pack's."""
        return self.pack.layers.keys() >= set(names)

    def fill(self, slot: int, config: TrialConfig, targets: Targets) -> None:
        """Gives a slot the fresh adapter that PEFT would make for the trial's seed."""
        self.clear(slot)
        sizes = [self.pack.sizes[name] for name in targets.names]
        for name, a in zip(targets.names, initial.weights(sizes, config.lora.r, config.training.seed), strict=True):
            self.pack.views(self.pack.weights, name)[0][slot, : config.lora.r] = a
        self._serve(slot, config, targets)
        self.pack.masks.generators[slot].manual_seed(config.training.seed)

    def _serve(self, slot: int, config: TrialConfig, targets: Targets) -> None:
        for name in targets.names:
            self.pack.layers[name].serve(slot, config.lora.realised_gain)
        self.pack.masks.rates[slot] = config.lora.dropout

    def clear(self, slot: int) -> None:
        """Empties a slot: what was there, finite or not, is gone."""
        for flat in (self.pack.weights, self.pack.gradients, self._moments.first, self._moments.second):
            flat[slot] = 0
        self._moments.steps[slot] = 0
        self.pack.masks.rates[slot] = 0.0
        for layer in self.pack.layers.values():
            layer.serve(slot, 0.0)

    def read(self, slot: int, config: TrialConfig, targets: Targets) -> Tensors:
        """Copies all that a trial needs to go on elsewhere, into the CPU's memory: the device's may be full."""
        found = {name: view.to("cpu", copy=True) for name, view in self._views(slot, config, targets)}
        found["steps"] = self._moments.steps[slot].to("cpu", copy=True)
        found["generator"] = self.pack.masks.generators[slot].get_state()
        return found

    def write(self, slot: int, config: TrialConfig, targets: Targets, tensors: Tensors) -> None:
        """Puts into a slot what was read from another one."""
        self.clear(slot)
        for name, view in self._views(slot, config, targets):
            view.copy_(tensors[name])
        self._moments.steps[slot] = tensors["steps"]
        self.pack.masks.generators[slot].set_state(tensors["generator"])
        self._serve(slot, config, targets)

    def _views(self, slot: int, config: TrialConfig, targets: Targets) -> Iterator[tuple[str, torch.Tensor]]:
        kept = {"weight": self.pack.weights, "first": self._moments.first, "second": self._moments.second}
        for kind, flat in kept.items():
            for name in targets.names:
                a, b = self.pack.views(flat, name)
                yield f"{kind}.{name}.A", a[slot, : config.lora.r]
                yield f"{kind}.{name}.B", b[slot, :, : config.lora.r]

    def norms(self) -> list[float]:
        """Returns each slot's Euclidean norm of all its weights together."""
        norms: list[float] = self.pack.squares(self.pack.weights, self._places).sum(1).sqrt().tolist()
        return norms

    def update(self, due: Sequence[int], configs: Sequence[TrialConfig], rates: Sequence[float]) -> list[float]:
        """Takes an optimizer step in some slots, and forgets their gradients.

        Args:
            due: The slots.
            configs: Their trials.
            rates: Their learning rates.

        Returns:
            Their gradients' norms before clipping.
        """
        rows = torch.tensor(due, device=self.pack.device)
        gradients = self.pack.gradients[rows] if len(due) < self.shape.slots else self.pack.gradients
        norms = self.pack.squares(gradients, self._places).sum(1).sqrt().float()
        most = self._tensor([config.training.max_grad_norm for config in configs])
        decays = self._tensor([config.training.weight_decay for config in configs])
        adamw.clip(gradients, norms, most)
        adamw.step(self.pack.weights, gradients, self._moments, rows, adamw.Pace(self._tensor(rates), decays))
        self.pack.gradients[rows] = 0
        found: list[float] = norms.tolist()
        return found

    def _tensor(self, values: Sequence[Any]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.pack.device)
