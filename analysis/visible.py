"""Text of data, labels and paths on a terminal: control characters are shown, not obeyed."""

from __future__ import annotations

import re

# C0 and C1 controls but line feed and tab, and the marks that turn the direction of a line (Unicode TR 9, TR 36).
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Returns a text whose control characters stand as `\x1b`."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def on_one_line(text: str) -> str:
    """Returns a text for a name or a cell: its line ends and tabs are blanks."""
    return visible(re.sub(r"[\r\n\t]+", " ", text))
