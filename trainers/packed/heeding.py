"""Whether a model heeds it when rows that share a line must not see each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch

from trainers import own_mask
from trainers.packed.layout import Pass
from trainers.packed.pack import Pack
from trainers.packed.shape import Shape, resized
from trainers.tokens import Tokens


def heeds(model: Any, places: dict[str, int], pad: int, dense: Shape, rows: Sequence[Tokens]) -> bool:
    """Tries it: what precedes a row in its line changes nothing, and it costs what it costs in a line of its own.

    Args:
        model: The frozen base.
        places: Any of its linear layers, with their places.
        pad: A token id for what fills up.
        dense: A shape whose rows share lines.
        rows: The training rows; the shortest are tried.
    """
    shortest = sorted(rows, key=lambda row: len(row.prompt) + len(row.completion))[: dense.rows]
    lay = resized(dense, 2).passes(shortest)[0]
    at = next((number for number, line in enumerate(lay) if len(line) > 1), None)
    if at is None:
        return False
    before, first = sum(map(len, lay[:at])), lay[at][0]
    other: Pass = [*lay[:at], [_altered(first, model), *lay[at][1:]], *lay[at + 1 :]]
    with torch.no_grad():
        found = own_mask.tried(lambda: [_nats(model, places, pad, dense, tried) for tried in (lay, other)])
        if found is None:
            return False
        told, changed = found
        plain = dataclasses.replace(dense, lines=dense.rows)
        alone = _nats(model, places, pad, plain, [[row] for line in lay for row in line])
    kept = [number for number in range(sum(map(len, lay))) if number != before]
    return torch.equal(told[kept], changed[kept]) and bool(own_mask.agrees(model, told, alone).all())


def _nats(model: Any, places: dict[str, int], pad: int, shape: Shape, lay: Pass) -> torch.Tensor:
    """Returns what each row's completion costs token by token, (rows, completion)."""
    nats = Pack(model, places, resized(shape, 1), pad).nats([lay])
    return nats.view(-1, shape.completion)[: sum(map(len, lay))]


def _altered(row: Tokens, model: Any) -> Tokens:
    size = model.get_input_embeddings().weight.shape[0]
    prompt, completion = (tuple((token + 1) % size for token in part) for part in (row.prompt, row.completion))
    return dataclasses.replace(row, prompt=prompt, completion=completion)
