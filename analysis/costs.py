"""What configurations cost, as far as the figures can be compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.configuration import Configuration
from analysis.ranking import Ranking

Key = Literal["peak_memory_mib", "seconds", "trainable_parameters", "lora.r"]


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

    Memory counts where each trial had its process or device to itself: what is measured of a pack belongs to all its
    trials. The rank stands in for the number of parameters where that is not known; it says the same where the same
    modules are adapted.
    """
    found = [_cost(ranking, *item) for item in _MEASURED]
    if not _is_told(ranking, found[-1]):
        found.append(_cost(ranking, "lora.r", "rank", "", _rank))
    return [cost for cost in found if _is_told(ranking, cost)]


def _is_told(ranking: Ranking, cost: Cost) -> bool:
    winner = ranking.places[0].configuration.name if ranking.places else None
    return winner in cost.values and len(cost.values) > 1


Reading = Callable[[Configuration], float | None]


def _cost(ranking: Ranking, key: Key, words: str, unit: str, reading: Reading) -> Cost:
    read = {place.configuration.name: reading(place.configuration) for place in ranking.places}
    return Cost(key, words, unit, {name: value for name, value in read.items() if value is not None})


def _memory(configuration: Configuration) -> float | None:
    return (
        None
        if any(_is_packed(trial.params) for trial in configuration.trials)
        else _mean("peak_memory_mib")(configuration)
    )


def _is_packed(params: Mapping[str, object]) -> bool:
    return params.get("trainer.name") == "packed" or "pack.slots" in params


def _mean(key: str) -> Reading:
    return lambda configuration: configuration.mean(key)


def _rank(configuration: Configuration) -> float | None:
    r = configuration.params.get("lora.r")
    return float(r) if isinstance(r, (int, float)) else None


_MEASURED: Sequence[tuple[Key, str, str, Reading]] = (
    ("peak_memory_mib", "peak memory", "MiB", _memory),
    ("seconds", "training time", "s", _mean("seconds")),
    ("trainable_parameters", "trainable parameters", "", _mean("trainable_parameters")),
)
