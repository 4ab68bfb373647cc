"""What a configuration with lists in it is remembered by: its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class ByText(Generic[T]):
    """A value that `functools.cache` takes for another one of the same text."""

    text: str
    value: T = field(compare=False)
