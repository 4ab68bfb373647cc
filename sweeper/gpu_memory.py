"""GPUs that are too small for the base model, or occupied by somebody else, named before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper import model_facts
from sweeper.executors.devices import devices, memories
from sweeper.memory.precision import BYTES
from sweeper.memory.weights import base_bytes
from sweeper.settings import Executor
from sweeper.validation import Problem
from trainers.trial import Model, Quantization, TrialConfig

OCCUPIED = 0.1
"""The share of a GPU's memory that others may hold before it is worth a word: a desktop holds less."""


def problems(executor: Executor, config: TrialConfig) -> Iterator[Problem]:
    """Finds GPUs on which the weights alone do not fit.

    Args:
        executor: Which GPUs are asked for.
        config: A trial; its base model's files must be at hand for anything to be said.
    """
    needed = least_gib(config.model, config.quantization)
    for gpu, found in memories(devices(executor)).items():
        if needed is not None and needed > found.free_gib:
            reason = (
                "is too small" if needed > found.total_gib else f"is occupied: others hold {found.used_gib:.1f} GiB"
            )
            rule = f"{found.name} {reason}; the weights alone take {needed:.1f} of its {found.total_gib:.1f} GiB"
            yield Problem("executor.devices", gpu, rule, "another GPU by number, quantization=nf4, or a smaller model")


def least_gib(model: Model, quantization: Quantization) -> float | None:
    """Returns the GiB that the weights alone take on a GPU, None where no files are at hand yet."""
    found = model_facts.read(model)
    return None if found is None else base_bytes(found, quantization, BYTES.get(model.dtype, 2)) / 2**30


def occupied(executor: Executor) -> Iterator[Problem]:
    """Finds the GPUs that somebody else uses already: a word of warning, no error."""
    for gpu, found in memories(devices(executor)).items():
        if found.used_gib > OCCUPIED * found.total_gib:
            rule = f"{found.name} is occupied: others hold {found.used_gib:.1f} of its {found.total_gib:.1f} GiB"
            yield Problem("executor.devices", gpu, rule, "the numbers of the free ones")
