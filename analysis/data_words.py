"""What became of a sweep's rows, how long they are and which labels they have, in words.

The same for a dry run and for a report; `sweeper.data_facts` finds it, the tag `data` keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]

_SOURCES = ("validation_source", "test_source")


def title(found: Found) -> str:
    """Returns what tells these data from others of the same sweep; empty where there are no others."""
    return ", ".join(f"{key}={value}" for key, value in found.get("values", {}).items())


def told(found: Found, *, with_places: bool = True) -> dict[str, str]:
    """Returns what is known, by name; what is not known, or is nothing to tell, is left out.

    Args:
        found: What `sweeper.data_facts` found.
        with_places: Say behind the number of rows left out where the first of them are.
    """
    if not with_places:
        found = _without_places(found)
    tokens = found.get("tokens") or {}
    rows = {
        "Rows": _rows(found),
        "Left out": _left_out(found.get("left_out", {}), found.get("places", [])),
        "Trained on": _made(found),
        "Validation rows": _measured(found.get("validation", 0), found.get("validation_source") or {}),
        "Test rows": _measured(found.get("test", 0), found.get("test_source") or {}),
        "Tokens of a training row": _lengths(tokens),
        f"Over training.max_length={found.get('max_length')}": _over(tokens, found.get("validation_tokens") or {}),
        "Conversations": str(tokens.get("chat", "")),
        "Prompt and completion": _crossing(tokens),
    }
    return {name: text for name, text in rows.items() if text}


def places(found: Found) -> list[str]:
    """Returns where the first rows are that were left out, of training, validation and test rows."""
    sources = [found, *(found.get(key) or {} for key in _SOURCES)]
    return [place for source in sources for place in source.get("places", [])]


def _without_places(found: Found) -> Found:
    sources = {key: {**found[key], "places": []} for key in _SOURCES if found.get(key)}
    return {**found, **sources, "places": []}


def labels(found: Found) -> list[dict[str, str]]:
    """Returns the rows of a table: each label with its training rows, their share and its validation rows.

    What augmentation and class balance make of the rows, and what a row weighs in the loss, has a column where it is
    something else.
    """
    counted = found.get("labels", [])
    total = sum(item["train"] for item in counted)
    return [
        {
            "Label": str(item["label"]),
            "Training rows": f"{item['train']:,}",
            "Share (%)": f"{100 * item['train'] / total:.1f}" if total else "",
            **({"Trained on": f"{item['made']:,}"} if "made" in item else {}),
            **({"Weight": str(item.get("weight", ""))} if "weight" in counted[0] else {}),
            "Validation rows": f"{item['validation']:,}",
        }
        for item in counted
    ]


def _rows(found: Found) -> str:
    parts = [f"{found.get('used', 0):,} trained on"]
    if aside := found.get("set_aside"):
        parts.append(f"{aside:,} set aside for validation")
    if beyond := found.get("beyond"):
        parts.append(f"{beyond:,} beyond data.max_samples={found.get('max_samples')}")
    if out := sum(found.get("left_out", {}).values()):
        parts.append(f"{out:,} left out")
    return f"{found.get('read', 0):,} read from {found.get('path', '')}: {', '.join(parts)}"


def _left_out(reasons: Mapping[str, int], places: Sequence[str]) -> str:
    counted = ", ".join(f"{count:,} for {reason}" for reason, count in reasons.items())
    more = sum(reasons.values()) - len(places)
    first = f": {'; '.join(places)}{f'; and {more:,} more' if more > 0 else ''}" if places else ""
    return f"{counted}{first}" if counted else ""


def _measured(rows: int, source: Found) -> str:
    """Says how many rows are measured with and, of those with a source of their own, how many of it are left out."""
    out = source.get("left_out", {})
    left = (
        f", {sum(out.values()):,} of {source['read']:,} left out: {_left_out(out, source.get('places', []))}"
        if out
        else ""
    )
    return f"{rows:,}{left}" if rows or out else ""


def _made(found: Found) -> str:
    made, used = found.get("made", 0), found.get("used", 0)
    verb = "added by" if made > 0 else "taken away by"
    return f"{used + made:,} rows, {abs(made):,} {verb} data.augmentation and data.class_balance" if made else ""


def _lengths(tokens: Found) -> str:
    if not tokens:
        return ""
    shares = f"half have at most {tokens['p50']:,}, 95 % {tokens['p95']:,}, 99 % {tokens['p99']:,}"
    return f"{tokens['mean']:,.1f} on average; {shares}, the longest {tokens['longest']:,} ({tokens['source']})"


def _over(train: Found, validation: Found) -> str:
    """Says what is cut, and what is left out because nothing of its completion is left."""
    sides = {"training": train, "validation": validation}
    if not any(side.get("truncated") for side in sides.values()):
        return "no row" if train else ""
    return "; ".join(f"of the {name} rows {' and '.join(_cut(side))}" for name, side in sides.items() if side)


def _cut(tokens: Found) -> list[str]:
    truncated, dropped = tokens.get("truncated", 0), tokens.get("dropped", 0)
    if not truncated:
        return ["none"]
    parts = [f"{_percent(truncated - dropped)} are cut"] if truncated > dropped else []
    return [*parts, *([f"{_percent(dropped)} are left out, their prompt alone fills it"] if dropped else [])]


def _crossing(tokens: Found) -> str:
    share = tokens.get("crossing", 0)
    return f"{_percent(share)} of the training rows have a token across the boundary" if share else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
