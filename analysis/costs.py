"""What configurations cost, as far as the figures can be compared with each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.configuration import Configuration
from analysis.ranking import Ranking

Key = Literal["peak_memory_mib", "seconds", "rows", "trainable_parameters", "lora.r"]


@dataclass(frozen=True)
class Cost:
    """A cost and its value by the configuration's name: the mean over its seeds.

    `words` is what it is called in a sentence ("peak memory"), `unit` stands behind its numbers, empty where it has
    none.
    """

    key: Key
    words: str
    unit: str
    values: Mapping[str, float]


def costs(ranking: Ranking) -> list[Cost]:
    """Returns the costs that can be compared between two configurations at least, the winner among them.

    Memory and time count where each trial had its process or device to itself: what is measured of a pack belongs to
    all its trials, and how long a pass takes depends on who shares it. The rows trained on stand in for time where they
    differ, the rank for the number of parameters: it says the same where the same modules are adapted.
    """
    memory, seconds, parameters = (_cost(ranking, *item) for item in _MEASURED)
    found = [memory, seconds]
    if not _is_told(ranking, seconds):
        rows = _cost(ranking, "rows", "rows trained on", "", _rows)
        found += [rows] if len(set(rows.values.values())) > 1 else []
    found.append(parameters if _is_told(ranking, parameters) else _cost(ranking, "lora.r", "rank", "", _rank))
    return [cost for cost in found if _is_told(ranking, cost)]


def _is_told(ranking: Ranking, cost: Cost) -> bool:
    winner = ranking.places[0].configuration.name if ranking.places else None
    return winner in cost.values and len(cost.values) > 1


Reading = Callable[[Configuration], float | None]


def _cost(ranking: Ranking, key: Key, words: str, unit: str, reading: Reading) -> Cost:
    read = {place.configuration.name: reading(place.configuration) for place in ranking.places}
    return Cost(key, words, unit, {name: value for name, value in read.items() if value is not None})


def _alone(key: str) -> Reading:
    """Reads a mean that says something only of trials that shared nothing."""
    return lambda found: None if any(is_packed(trial.params) for trial in found.trials) else found.mean(key)


def is_packed(params: Mapping[str, object]) -> bool:
    """True for a trial that shared its passes with others."""
    return params.get("trainer.name") == "packed" or "pack.slots" in params


def _mean(key: str) -> Reading:
    return lambda configuration: configuration.mean(key)


def _rows(configuration: Configuration) -> float | None:
    """Returns optimizer steps times the effective batch; None where one of the two is not known."""
    steps = configuration.mean("steps")
    sizes = [configuration.params.get(f"training.{key}") for key in _BATCH]
    if steps is None or not all(isinstance(size, int) for size in sizes):
        return None
    return steps * math.prod(size for size in sizes if isinstance(size, int))


_BATCH = ("per_device_train_batch_size", "gradient_accumulation_steps")


def _rank(configuration: Configuration) -> float | None:
    r = configuration.params.get("lora.r")
    return float(r) if isinstance(r, (int, float)) else None


_MEASURED: Sequence[tuple[Key, str, str, Reading]] = (
    ("peak_memory_mib", "peak memory", "MiB", _alone("peak_memory_mib")),
    ("seconds", "training time", "s", _alone("seconds")),
    ("trainable_parameters", "trainable parameters", "", _mean("trainable_parameters")),
)
