"""The turns of a conversation, as `messages` (role, content) or as ShareGPT's `conversations` (from, value)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainers.cells import optional, shown, whole
from trainers.example import Example, Turn
from trainers.found_rows import Unusable

ASSISTANT = "assistant"

ROLES = {
    **{role: role for role in ("system", "developer", "user", ASSISTANT, "tool")},
    "human": "user",
    **dict.fromkeys(("gpt", "chatgpt", "bing", "bard", "model", "bot"), ASSISTANT),
}
"""What a turn's speaker is called in public data, and the role that chat templates know: the second line and those
below are ShareGPT's and its relatives' (FastChat's and axolotl's loaders know the same)."""

_NOTHING: tuple[Any, ...] = (None, "", "[]", [], {})


def example_of(turns: Any, values: Mapping[str, Any], column: str) -> Example:
    """Makes a conversation into an example.

    Args:
        turns: A list of turns.
        values: The whole row: its `system`, where it has one, is said first; `tools` are not supported.
        column: Where the turns stand, for messages.

    Returns:
        Its turns up to the assistant's last; behind that nothing is trained on.

    Raises:
        Unusable: A turn cannot be understood, or the assistant says nothing.
    """
    if values.get("tools") not in _NOTHING:
        raise Unusable("tools, which are not supported")
    if isinstance(turns, Mapping) and all(isinstance(item, list) for item in turns.values()):
        # As the library datasets holds a list of structures: a list for each of their fields.
        turns = [dict(zip(turns, turn, strict=True)) for turn in zip(*turns.values(), strict=False)]
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise Unusable(f"{column} that are no list of turns", shown(turns))
    spoken = [_turn(turn, number) for number, turn in enumerate(turns, start=1)]
    last = max((index for index, turn in enumerate(spoken) if turn["role"] == ASSISTANT), default=None)
    if last is None:
        raise Unusable("no turn of the assistant")
    answer = str(spoken[last]["content"])
    if not answer.strip():
        raise Unusable("empty last turn of the assistant")
    said = [*_system(values, spoken), *spoken[: last + 1]]
    return Example("\n\n".join(str(turn["content"]) for turn in said[:-1]), answer, messages=tuple(said))


def _system(values: Mapping[str, Any], spoken: Sequence[Turn]) -> list[Turn]:
    text = optional(values, "system")
    return [{"role": "system", "content": text}] if text.strip() and spoken[0]["role"] != "system" else []


def _turn(turn: Any, number: int) -> Turn:
    """Returns a turn with its role and content under these names, and its further keys that hold something."""
    if not isinstance(turn, Mapping):
        raise Unusable("turn that is no object", f"turn {number} is {shown(turn)}")
    speaker, said = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    role = ROLES.get(str(speaker).strip().lower())
    if role is None:
        raise Unusable("unknown role", f"turn {number} is of {shown(speaker)}; known are {', '.join(ROLES)}")
    known = {"role", "from", "content", "value"}
    rest = {key: value for key, value in turn.items() if key not in known and value is not None}
    return {"role": role, "content": whole(_content(said, number), "content"), **rest}


def _content(said: Any, number: int) -> str:
    """Returns the text of a turn; a list of parts, as multimodal data have, is one where all of them are text."""
    if isinstance(said, str):
        return said
    parts = said if isinstance(said, list) and said else [None]
    texts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise Unusable("content that is no text", f"turn {number} says {shown(said)}")
    return "".join(map(str, texts))
