"""What became of a command's rows, how long they are and which labels they have: for a dry run, the log and the report.

`analysis.data_words` puts it in words.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from analysis.redaction import redacted
from sweeper import files
from sweeper.command import Command, representatives
from sweeper.lengths import Lengths
from sweeper.preflight import MOST_LOOKED_AT
from sweeper.row_lengths import row_lengths
from trainers.chat_ways import IN_WORDS
from trainers.data import Account, Rows
from trainers.trial import TrialConfig, flatten

MOST_DATA = 6
"""Different data that are told of; a sweep of `data.max_samples` has some."""

_MOST_LABELS, _MOST_PLACES, _LONGEST_PLACE = 60, 10, 120
_ROOM = 7_600  # characters: a tag of MLflow's has 8,000 (mlflow/utils/validation.py)

# What the rows and their tokens depend on, besides the data's own keys.
_BESIDE = ("model.path", "training.max_length", "training.completion_only_loss")
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
    points = [asked.example] if asked.asked is not None else representatives(asked.space)
    for number, params in enumerate(points):
        config, _ = asked.composer.trial(params)
        if config is not None and (text := str(_keys(config))) not in seen:
            seen.add(text)
            yield config
        if len(seen) == MOST_DATA or number >= MOST_LOOKED_AT:
            return


def _keys(config: TrialConfig) -> dict[str, Any]:
    flat = flatten(config)
    return {
        key: value for key, value in flat.items() if key in _BESIDE or (key.startswith("data.") and key not in _APART)
    }


def _facts(config: TrialConfig, values: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = files.rows_of(config.data)
    plain = files.rows_of(dataclasses.replace(config.data, augmentation="none", class_balance="none"))
    if rows is None or plain is None or not rows.train:
        return None
    account = _account(config, rows, plain)
    return {
        "path": redacted(config.data.path),
        "values": dict(values),
        **dataclasses.asdict(account),
        "left_out": dict(account.left_out),
        "places": [redacted(place)[:_LONGEST_PLACE] for place in account.places[:_MOST_PLACES]],
        "max_samples": config.data.max_samples,
        "validation": len(rows.validation),
        "max_length": config.training.max_length,
        "tokens": _tokens(row_lengths(config)),
        "validation_tokens": _tokens(row_lengths(config, "validation")),
        "labels": _labels(plain),
    }


def _account(config: TrialConfig, rows: Rows, plain: Rows) -> Account:
    """Returns the account that reading kept; where it kept none, what follows from the rows there are."""
    if rows.account.read:
        return rows.account
    whole = files.rows_of(dataclasses.replace(config.data, augmentation="none", class_balance="none", max_samples=None))
    offered = len(plain.train) if whole is None else len(whole.train)
    return Account(
        read=rows.source,
        set_aside=rows.source - offered,
        beyond=offered - len(plain.train),
        used=len(plain.train),
        made=len(rows.train) - len(plain.train),
    )


def _tokens(lengths: Lengths | None) -> dict[str, Any] | None:
    if lengths is None:
        return None
    told = {key: round(value, 4) if isinstance(value, float) else value for key, value in vars(lengths).items()}
    return {**told, "chat": "; ".join(IN_WORDS[way] for way in lengths.chat.split(", ") if way)}


def _labels(rows: Rows) -> list[tuple[str, int, int]]:
    """Returns each label with its training and validation rows, the most frequent first; rare ones beyond 60 as one."""
    train, validation = (Counter(item.label for item in side) for side in (rows.train, rows.validation))
    counted = [(name, train[index], validation[index]) for index, name in enumerate(rows.labels)]
    counted.sort(key=lambda item: (-item[1], item[0]))
    kept, rest = counted[:_MOST_LABELS], counted[_MOST_LABELS:]
    more = (f"{len(rest)} more labels", sum(item[1] for item in rest), sum(item[2] for item in rest))
    return [*kept, more] if rest else kept


def as_record(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the facts as they stand in the log and in a tag, which has an end: labels and places give way first."""
    for drop in ((), ("places",), ("places", "labels"), ("places", "labels", "left_out")):
        kept = [{key: value for key, value in item.items() if key not in drop} for item in found]
        if len(json.dumps({"data": kept})) <= _ROOM:
            return {"data": kept}
    return {"data": kept[:1]}
