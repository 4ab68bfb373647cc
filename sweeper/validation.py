"""Turns composed configuration into frozen dataclasses, reporting every problem at once."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sweeper.quoting import quoted

Config = TypeVar("Config")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a command: the key, the value it has, the rule it breaks, and what would mend it."""

    key: str
    value: Any
    rule: str
    remedy: str

    def __str__(self) -> str:
        """Returns `key=value: rule; try: remedy`."""
        return f"{self.key}={self.value}: {self.rule}; try: {self.remedy}"


class ConfigurationError(Exception):
    """Everything wrong with a command, found before anything was trained or written."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list({str(problem): problem for problem in problems}.values())
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Returns a line per problem."""
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        return "\n".join([f"{head} with this command; nothing was started:", *(f"  {item}" for item in self.problems)])


def build(kind: type[Config], values: Mapping[str, Any], prefix: str = "") -> tuple[Config | None, list[Problem]]:
    """Builds a dataclass from a plain mapping.

    Args:
        kind: The (possibly nested) dataclass to build.
        values: Plain values, as OmegaConf gives them.
        prefix: What stands before a key in a message, as `executor.`.

    Returns:
        The instance and no problems, or None and every problem found.
    """
    try:
        asked: Any = kind  # hashable, as every class is
        made: Config = _adapter(asked).validate_python(dict(values))
        return made, []
    except ValidationError as error:
        return None, [_problem(detail, prefix) for detail in error.errors()]


@functools.cache  # building one takes milliseconds, and every trial is validated
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _problem(detail: Mapping[str, Any], prefix: str) -> Problem:
    key = prefix + ".".join(str(part) for part in detail["loc"] if not _is_union_branch(part))
    if detail["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return Problem(key, detail["input"], "there is no such setting", f"leave {key} out")
    if isinstance(detail["loc"][-1], int):  # one item of a list
        whole, example = key.rpartition(".")[0], _example(detail).partition("|")[0]
        return Problem(whole, detail["input"], f"each {_rule(detail)}", f"{whole}=[{example}]")
    if detail["type"] == "list_type" and isinstance(detail["input"], (str, int, float)):
        return Problem(key, detail["input"], _rule(detail), f"'{key}=[{quoted(detail['input'])}]'")
    return Problem(key, detail["input"], _rule(detail), f"{key}={_example(detail)}")


def _is_union_branch(part: Any) -> bool:
    """True for the parts of an error's location that name a type tried, not a key."""
    return part in {"str", "int", "float", "bool", "list[str]"} or "literal" in str(part)


def _rule(detail: Mapping[str, Any]) -> str:
    return str(detail["msg"]).removeprefix("Input ").replace("Value error, ", "")


_EXAMPLES = {"int": "1", "float": "0.1", "bool": "true", "string": "text", "list": "[a,b]", "dict": "{}"}


def _example(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "literal_error":
        return str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", "|").replace(", ", "|")
    if detail["type"] == "int_from_float":
        return str(int(detail["input"]))
    if detail["type"] == "greater_than_equal":
        return str(detail["ctx"]["ge"])
    return _EXAMPLES.get(detail["type"].split("_")[0], "VALUE")
