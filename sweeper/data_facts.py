"""What became of a command's rows, how long they are and which labels they have: for a dry run, the log and the report.

`analysis.data_words` puts it in words.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analysis.redaction import redacted
from sweeper import files
from sweeper.command import Command, representatives
from sweeper.lengths import Lengths
from sweeper.preflight import MOST_LOOKED_AT
from sweeper.row_lengths import row_lengths
from sweeper.search import Params
from trainers.chat_ways import IN_WORDS
from trainers.data import Account, Rows
from trainers.trial import TrialConfig, flatten

MOST_DATA = 6
"""Different data that are told of; a sweep of `data.max_samples` has some."""

_FREQUENT, _RARE = 20, 10  # labels that are told of, where there are more than both
_MOST_PLACES, _LONGEST = 10, 120
_ROOM = 7_600  # characters: a tag of MLflow's has 8,000 (mlflow/utils/validation.py)

# What the rows and their tokens depend on, besides the data's own keys.
_BESIDE = ("model.path", "training.max_length", "training.completion_only_loss")
_GROUPS = ("model", "data", "training")
_APART = ("data.cache_dir", "data.validation_prompts", "data.max_new_tokens", "data.generated_rows", "data.name")


def data_facts(asked: Command) -> list[dict[str, Any]]:
    """Returns what is known of each different data that a command's trials have, at most six.

    Each has the `values` that tell it from the others. Nothing of a replayed sweep, which reads no row.
    """
    if asked.settings.trainer.name == "replay":
        return []
    configs = list(different(asked))
    shared = [_keys(config) for config in configs]
    differing = {key for keys in shared for key in keys if len({str(other.get(key)) for other in shared}) > 1}
    made = [
        (config, {key: keys[key] for key in sorted(differing)}) for config, keys in zip(configs, shared, strict=True)
    ]
    return [found for config, values in made if (found := _facts(config, values)) is not None]


def different(asked: Command) -> Iterator[TrialConfig]:
    """Yields a configuration for each different data, of a procedure those it holds throughout."""
    seen: set[str] = set()
    for number, params in enumerate(_points(asked)):
        config, _ = asked.composer.trial(params)
        if config is not None and (text := str(_keys(config))) not in seen:
            seen.add(text)
            yield config
        if len(seen) == MOST_DATA or number >= MOST_LOOKED_AT:
            return


def _points(asked: Command) -> Iterator[Params]:
    """Yields points with all that data can be, beside the first of everything else: composing a trial takes a while."""
    axes = [axis for axis in asked.space.axes if axis.key in {*_BESIDE, *_GROUPS} or axis.key.startswith("data.")]
    if asked.asked is not None or not axes:
        yield asked.example
    elif any(axis.when for axis in axes):
        yield from representatives(asked.space)
    else:
        alone = dataclasses.replace(asked.space, axes=tuple(axes))
        yield from ({**asked.example, **point} for point in representatives(alone))


def _keys(config: TrialConfig) -> dict[str, Any]:
    flat = flatten(config)
    return {
        key: value for key, value in flat.items() if key in _BESIDE or (key.startswith("data.") and key not in _APART)
    }


def _facts(config: TrialConfig, values: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = files.rows_of(config.data)
    plain = files.rows_of(config.data.untouched)
    if rows is None or plain is None or not rows.train:
        return None
    return {
        "path": _shown(config.data.path),
        "values": {key: _shown(value) if isinstance(value, str) else value for key, value in values.items()},
        **_told(rows.account),
        "max_samples": config.data.max_samples,
        "validation": len(rows.validation),
        "validation_source": _source(rows.validation_account),
        **_test(config),
        "max_length": config.training.max_length,
        "tokens": _tokens(row_lengths(config)),
        "validation_tokens": _tokens(row_lengths(config, "validation")),
        "labels": labels_of(plain, rows),
    }


def _told(account: Account) -> dict[str, Any]:
    """Returns an account as it is recorded: the first places, shortened, without what a login would be."""
    places = [_shown(place) for place in account.places[:_MOST_PLACES]]
    return {**dataclasses.asdict(account), "left_out": dict(account.left_out), "places": places}


def _shown(value: str) -> str:
    """Returns a value without what a login would be, and not at length: a template may be a page."""
    text = redacted(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _source(account: Account) -> dict[str, Any]:
    """Returns what is told of rows with a source of their own; nothing where none was read."""
    told = _told(account)
    return {key: told[key] for key in ("read", "left_out", "places")} if account.read else {}


def _test(config: TrialConfig) -> dict[str, Any]:
    """Returns the test rows, which nobody looks at before the choice is made; nothing where there are none."""
    examples, account = files.test_rows_of(config.data) or ([], Account())  # the check of files says what is wrong
    return {"test": len(examples), "test_source": _source(account)} if account.read else {}


def _tokens(lengths: Lengths | None) -> dict[str, Any] | None:
    if lengths is None:
        return None
    told = {key: round(value, 4) if isinstance(value, float) else value for key, value in vars(lengths).items()}
    return {**told, "chat": "; ".join(IN_WORDS[way] for way in lengths.chat.split(", ") if way)}


def labels_of(plain: Rows, rows: Rows | None = None) -> list[dict[str, Any]]:
    """Returns each label's rows, the most frequent label first; of many, those between frequent and rare ones as one.

    `made` and `weight` are there where augmentation and class balance make other rows of them, or weigh them.

    Args:
        plain: The rows without both.
        rows: The rows with them; None where there is neither.
    """
    rows = rows or plain
    sides = {"train": plain.train, "validation": rows.validation, "made": rows.train}
    counts = {name: Counter(item.label for item in side) for name, side in sides.items()}
    weights = {item.label: round(item.weight, 3) for item in rows.train if item.weight != 1}
    found: list[dict[str, Any]] = [
        {"label": label, **{name: counted[index] for name, counted in counts.items()}, "weight": weights.get(index, 1)}
        for index, label in enumerate(rows.labels)
    ]
    found.sort(key=lambda item: (-item["train"], item["label"]))
    unneeded = {
        *(["made"] if all(item["made"] == item["train"] for item in found) else []),
        *(["weight"] if not weights else []),
    }
    return [{key: item[key] for key in item if key not in unneeded} for item in _few(found, sides)]


def _few(found: list[dict[str, Any]], sides: Iterable[str]) -> list[dict[str, Any]]:
    between = found[_FREQUENT:-_RARE]
    if len(between) < 2:
        return found
    more = {
        "label": f"… {len(between):,} more labels …",
        **{name: sum(item[name] for item in between) for name in sides},
    }
    return [*found[:_FREQUENT], more, *found[-_RARE:]]


def as_record(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the facts as they stand in the log and in a tag, which has an end: labels and places give way first."""
    for drop in ((), ("places",), ("places", "labels"), ("places", "labels", "left_out")):
        kept = [{key: value for key, value in item.items() if key not in drop} for item in found]
        if len(json.dumps({"data": kept})) <= _ROOM:
            return {"data": kept}
    return {"data": kept[:1]}
