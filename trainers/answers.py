"""Which label a free answer is: its first line, without what stands around a word, in any case.

`Happy.`, `"happy"` and ` happy` and a new line with more behind it are all `happy`; `happy and sad`, `happily` and
nothing at all are outside the labels. Where two labels differ in case or in what stands around them alone, an answer
has to be one of them to the letter.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_AROUND = ("P", "S", "Z", "C")  # Unicode's categories of punctuation, symbols, spaces and control characters


def bare(text: str) -> str:
    """Returns the first line of a text that holds something, without case and what stands around it."""
    line = next(iter(text.strip().splitlines()), "")
    return _stripped(_stripped(line)[::-1])[::-1].casefold()


def _stripped(text: str) -> str:
    """Returns a text from its first letter, digit or mark on."""
    start = next((place for place, sign in enumerate(text) if unicodedata.category(sign)[0] not in _AROUND), len(text))
    return text[start:]


@dataclass(frozen=True)
class LabelReader:
    """Reads labels out of answers.

    Attributes:
        exact: The labels' indexes.
        unique: The indexes of those whose bare form is nobody else's, by that form.
        forms: All labels' bare forms.
    """

    exact: Mapping[str, int]
    unique: Mapping[str, int]
    forms: tuple[str, ...]

    @classmethod
    def of(cls, labels: Sequence[str]) -> LabelReader:
        """Makes a reader of some labels."""
        forms = tuple(map(bare, labels))
        counts = Counter(forms)
        unique = {form: index for index, form in enumerate(forms) if form and counts[form] == 1}
        return cls({label.strip(): index for index, label in enumerate(labels)}, unique, forms)

    def label_of(self, answer: str) -> int | None:
        """Returns the index of the label that an answer is, None for one that is no label."""
        line = next(iter(answer.strip().splitlines()), "").strip()
        return self.exact.get(line, self.unique.get(bare(line)))

    def is_open(self, begun: str) -> bool:
        """False where an answer that begins like this is outside the labels, however it goes on."""
        form = _stripped(begun.lstrip()).casefold()
        if not form or "\N{REPLACEMENT CHARACTER}" in form:  # half a character: the next token will tell
            return True
        return any(_may_become(form, label) for label in self.forms)


def is_whole(begun: str) -> bool:
    """True where an answer's first line has come to its end."""
    lines = begun.lstrip().splitlines(keepends=True)
    return bool(lines) and lines[0] != lines[0].splitlines()[0]


def _may_become(form: str, label: str) -> bool:
    """True where a text that begins with a form can be bare of anything but a label."""
    return label.startswith(form) or (form.startswith(label) and not _stripped(form[len(label) :]))
