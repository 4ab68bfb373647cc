"""Signatures and the first lines of their docstrings, read from Python source without running any of it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

FEWEST_WORDS = 3
"""Of a completion: "See above." and "Abstract." say nothing that a signature could be asked for."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def rows(source: str) -> Iterator[dict[str, str]]:
    """Yields prompt and completion of every documented public function and method.

    Args:
        source: A module's text; one that does not parse has none.

    Returns:
        Prompts are a signature as source, that of a method below its class's line; completions the first line of the
        docstring, its blanks single, after one blank.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of backslashes in other people's strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in tree.body:
        if isinstance(node, Function) and _is_public(node.name):
            yield from _row(node, "")
        if isinstance(node, ast.ClassDef) and _is_public(node.name):
            yield from _methods(node)


def _methods(node: ast.ClassDef) -> Iterator[dict[str, str]]:
    for item in node.body:
        if isinstance(item, Function) and _is_public(item.name):
            yield from _row(item, f"class {node.name}:\n    ")


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _row(node: Function, context: str) -> Iterator[dict[str, str]]:
    lines = (ast.get_docstring(node) or "").strip().splitlines() or [""]
    said = " ".join(lines[0].split())
    if len(re.findall(r"\w+", said)) < FEWEST_WORDS or _repeats(node.name, said):
        return
    yield {"prompt": context + _signature(node), "completion": f" {said}"}


def _repeats(name: str, said: str) -> bool:
    """True for a line that is the signature once more, as `lower(s) -> string`."""
    return re.match(rf"(\w+\.)*{re.escape(name)}\s*\(", said) is not None


def _signature(node: Function) -> str:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}:"
