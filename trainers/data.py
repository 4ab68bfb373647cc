"""Reads rows and turns each into a prompt and a completion."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trainers import account, augmentation, boundary, class_balance, shapes, sources, split, template_faults, templates
from trainers.account import Account
from trainers.cells import optional, shown
from trainers.data_fault import DataFault
from trainers.example import Example
from trainers.found_rows import BadRow, Found, Row, Unusable
from trainers.minority import minority_of
from trainers.seam import TrialFailed
from trainers.shapes import Asked, Shape
from trainers.trial import Data

__all__ = [
    "Account",
    "Example",
    "Rows",
    "completion_of",
    "load",
    "prompt_of",
    "read_test",
]


@dataclass(frozen=True)
class Rows:
    """The examples of a trial, and the closed set of answers of labelled data.

    `minority` indexes the label that the fewest training rows have, counted before `max_samples`, so that trials on
    more and on fewer rows are measured by the same one; None where there are no labels. `account` says what
    became of the rows of the training source, and `validation_account` the same of a validation source of its own.
    `separator` stands before every label in a completion. `instructed` is true of rows in Alpaca's own prompt, which no
    template stands around.
    """

    train: list[Example]
    validation: list[Example]
    labels: tuple[str, ...] = ()
    minority: int | None = None
    account: Account = field(default_factory=Account)
    validation_account: Account = field(default_factory=Account)
    separator: str = " "
    instructed: bool = False


def load(data: Data) -> Rows:
    """Reads the training and validation rows.

    Args:
        data: Where they are and how a row becomes an example.

    Returns:
        The examples; without validation rows a seeded, stratified share of the training rows is set aside. Only
        training rows are balanced and augmented, in this order, after that and after `max_samples`.

    Raises:
        TrialFailed: The source is missing, empty, or holds rows that cannot be used (`data.on_bad_rows`); the template
            does not fit; rows without labels are to be augmented or balanced.
    """
    found = sources.train(data)
    asked, shape = _asked(found, data)
    usable, counted = _examples("data.path", data.path, found, shape, asked)
    kept, validation, checked = _parted(usable, shape, asked)
    train = split.subset(kept, data.max_samples)
    made = _augmented(class_balance.balanced(train, data), data, asked.labels)
    counted = dataclasses.replace(
        counted,
        set_aside=len(usable) - len(kept),
        beyond=len(kept) - len(train),
        used=len(train),
        made=len(made) - len(train),
    )
    minority = minority_of(example.label for example in kept)
    answers = shapes.separator(data), shape is shapes.INSTRUCTED and not data.template
    return Rows(made, validation, asked.labels, minority, counted, checked, *answers)


def read_test(data: Data, labels: Sequence[str] = ()) -> tuple[list[Example], Account]:
    """Reads the test rows, which nothing is chosen by.

    Args:
        data: `data.test_path`, else the split `test` of a folder or hub data set at `data.path`.
        labels: `Rows.labels` of the trial: test rows with others are bad rows.

    Returns:
        The examples and what became of the rows; neither where there are no test rows.

    Raises:
        TrialFailed: There is nothing at `data.test_path`, or it holds rows that cannot be used (`data.on_bad_rows`).
    """
    found = sources.test(data)
    if found is None:
        return [], Account()
    shape = shapes.LABELLED if labels else _first(found)[1]
    return _examples(*_named(data, "test_path"), found, shape, Asked(data, tuple(labels)))


def _asked(found: Sequence[Found], data: Data) -> tuple[Asked, Shape | None]:
    """Returns the shape of the first row that has one, and the labels where that has them."""
    first, shape = _first(found)
    asked = Asked(data, _labels(found, data) if shape is shapes.LABELLED else ())
    if not asked.labels and (faults := unlabelled_faults(data)):
        raise faults[0]
    if first is not None and shape is not None and (fault := template_faults.found(shape, first.values, asked)):
        raise fault
    return asked, shape


def _first(found: Sequence[Found]) -> tuple[Row | None, Shape | None]:
    rows = (row for row in found if isinstance(row, Row))
    return next(((row, shape) for row in rows if (shape := shapes.shape_of(row.values))), (None, None))


def _labels(found: Sequence[Found], data: Data) -> tuple[str, ...]:
    if data.labels:
        return _given(data.labels)
    return tuple(sorted(set(filter(None, (_label(row) for row in found if isinstance(row, Row))))))


def _given(labels: Sequence[str]) -> tuple[str, ...]:
    """Returns `data.labels` as rows are held against them: blanks around one are no part of it."""
    found = tuple(label.strip() for label in labels)
    if not all(found):
        raise DataFault("data.labels", "names an empty label", "a name for every label")
    if twice := [label for label, count in Counter(found).items() if count > 1]:
        raise DataFault("data.labels", f"names {shown(twice[0])} twice", "every label once")
    return found


def _label(row: Row) -> str:
    """Returns a row's label; a bad row names none."""
    try:
        return optional(row.values, "label").strip() if optional(row.values, "text").strip() else ""
    except Unusable:
        return ""


def _examples(
    key: str, path: str, found: Sequence[Found], shape: Shape | None, asked: Asked
) -> tuple[list[Example], Account]:
    """Makes examples of a source's rows; those that cannot be used stop it or are left out, as the data ask."""
    made = [row if isinstance(row, BadRow) else shapes.examined(row, shape, asked) for row in found]
    bad = [row for row in made if isinstance(row, BadRow)]
    if len(bad) == len(made) or (bad and asked.data.on_bad_rows == "error"):
        raise account.stop(key, path, len(made), bad, shapes.remedy(bad[0]))
    return [row for row in made if isinstance(row, Example)], account.of(len(made), bad)


def _parted(usable: list[Example], shape: Shape | None, asked: Asked) -> tuple[list[Example], list[Example], Account]:
    """Returns training and validation rows, and what became of those of a validation source of its own."""
    data = asked.data
    held = sources.validation(data)
    if held is not None:
        return usable, *_examples(*_named(data, "validation_path"), held, shape, asked)
    if len(usable) < 2:
        raise TrialFailed(f"{data.path} has one row: too few to set some aside for validation")
    return *split.set_aside(usable, data.validation_fraction), Account()


def _named(data: Data, key: str) -> tuple[str, str]:
    """Returns the setting that names a source and its value; without one of its own that is `data.path`."""
    path = getattr(data, key)
    return (f"data.{key}", path) if path is not None else ("data.path", data.path)


def unlabelled_faults(data: Data) -> list[DataFault]:
    """Returns what is wrong with the settings of rows that have no labels."""
    asked = {
        "augmentation": "varies the texts of rows with text and label",
        "class_balance": "balances rows with text and label",
    }
    return [
        DataFault(f"data.{key}", f"{rule}, and {data.path} holds others", f"data.{key}=none")
        for key, rule in asked.items()
        if getattr(data, key) != "none"
    ]


def _augmented(examples: list[Example], data: Data, labels: Sequence[str]) -> list[Example]:
    """Puts behind every example its variants, where the data are to be augmented."""
    if data.augmentation == "none":
        return examples
    return [row for example in examples for row in (example, *_variants(example, data, labels))]


def _variants(example: Example, data: Data, labels: Sequence[str]) -> Iterator[Example]:
    for number in range(1, data.augmentation_factor):
        text = augmentation.variant(example.text, number)
        prompt = templates.prompt(text, data, labels, example.columns).rstrip(boundary.BLANKS)
        yield dataclasses.replace(example, prompt=prompt, text=text)


def prompt_of(text: str, data: Data, labels: Sequence[str] = (), *, instructed: bool = False) -> str:
    """Returns a text that somebody typed as a prompt: in the template, where there is one, as a row's text is.

    Places for other columns are left empty, and blanks at the end belong to the completion.

    Args:
        text: It.
        data: The template.
        labels: The choices.
        instructed: `Rows.instructed`: the text is an instruction, in Alpaca's prompt.
    """
    made = templates.alpaca(text, "") if instructed else templates.prompt(text, data, labels)
    return made.rstrip(boundary.BLANKS)


def completion_of(label: str, separator: str = " ") -> str:
    """Returns a label as a completion: the space stands on this side, so that no token crosses the boundary.

    Args:
        label: It.
        separator: `Rows.separator`: what the template ends with, else a blank.
    """
    return f"{separator}{label}"
