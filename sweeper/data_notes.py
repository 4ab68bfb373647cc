"""What a plan says of the training data, a line for each thing known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.facts import Facts
from sweeper.lengths import Lengths
from sweeper.near_duplicates import OF, SHARED


@dataclass(frozen=True)
class DataNote:
    """Something known of the data, under the key of the configuration it belongs to."""

    key: str
    text: str


def data_notes(facts: Facts, config: Mapping[str, Any]) -> list[DataNote]:
    """Returns what is known of the training data.

    Args:
        facts: Of the data.
        config: The configuration, under dotted names.
    """
    if not facts.rows:
        return [DataNote("data.path", "cannot be read, so nothing is known of it")]
    return list(_known(facts, config))


def _known(facts: Facts, config: Mapping[str, Any]) -> Iterator[DataNote]:
    yield DataNote("data.path", _rows(facts))
    yield DataNote("data.validation_path", f"{facts.validation_rows:,} validation examples")
    if facts.labels:
        yield DataNote("data.labels", _balance(facts))
    if facts.tokens is not None:
        yield DataNote("data.path", _lengths(facts.tokens))
        limit = f"training.max_length={config['training.max_length']}"
        yield DataNote("training.max_length", f"{facts.tokens.truncated:.1%} are longer than {limit} and are cut there")
    yield DataNote("training.max_steps", f"{facts.steps:,} optimizer steps are a full run")


def _rows(facts: Facts) -> str:
    about = "" if facts.exact else "about "
    rule = f"those that share {SHARED} of {OF} of their words count once"
    return f"{facts.rows:,} training examples, {about}{facts.effective_rows:,} of them different ({rule})"


def _balance(facts: Facts) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in facts.labels)
    name, count = facts.labels[-1]
    return f"{listed}; the minority, {name}, is {count / facts.rows:.1%}"


def _lengths(tokens: Lengths) -> str:
    shares = f"half have at most {tokens.p50:,}, 95% {tokens.p95:,}, 99% {tokens.p99:,}, the longest {tokens.longest:,}"
    return f"{tokens.mean:,.1f} tokens an example on average: {shares} ({tokens.source})"
