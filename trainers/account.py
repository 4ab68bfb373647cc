"""What became of the rows that were read: as many as were read are used, or counted with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainers.data_fault import DataFault
from trainers.found_rows import BadRow

NAMED = 10
"""Bad rows whose places are kept: enough to see what they have in common."""


@dataclass(frozen=True)
class Account:
    """What became of the rows of one source: read = left out + set aside + beyond + used.

    `left_out` counts rows that cannot be used, by reason; `places` names the first of them, with file and line.
    `set_aside` are validation rows; `beyond` those that `data.max_samples` leaves; `used` those that are trained on or
    measured with, before augmentation and `data.class_balance`, and `made` how many more or fewer these two make of
    them.
    """

    read: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    set_aside: int = 0
    beyond: int = 0
    used: int = 0
    made: int = 0

    @property
    def is_balanced(self) -> bool:
        """True where nothing is unaccounted for."""
        return self.read == sum(self.left_out.values()) + self.set_aside + self.beyond + self.used


def of(read: int, bad: Sequence[BadRow]) -> Account:
    """Returns the account of a source of which everything that can be used is used."""
    return Account(read, reasons(bad), tuple(map(str, bad[:NAMED])), used=read - len(bad))


def reasons(bad: Sequence[BadRow]) -> dict[str, int]:
    """Counts bad rows by reason, the most frequent first."""
    return dict(Counter(row.reason for row in bad).most_common())


def stop(key: str, path: str, read: int, bad: Sequence[BadRow], all_bad: str) -> DataFault:
    """Returns the message about rows that cannot be used: how many, why, where the first are, and what to do.

    Args:
        key: The setting that names the source, as `data.path`.
        path: Its value.
        read: How many rows the source has.
        bad: Those that cannot be used, at least one.
        all_bad: What would mend a source of which no row can be used.
    """
    counted = ", ".join(f"{reason}: {count:,}" for reason, count in reasons(bad).items())
    more = f", and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
    share = f"none of the {read:,} rows" if len(bad) == read > 1 else f"{len(bad):,} of {read:,} rows"
    rule = f"{share} cannot be used" if len(bad) < read or read == 1 else f"{share} can be used"
    where = f"{'; '.join(_alike(bad[:NAMED]))}{more}"
    remedy = all_bad if len(bad) == read else "mend them, or data.on_bad_rows=skip"
    return DataFault(key, f"{rule} ({counted}): {where}", remedy)


def _alike(bad: Sequence[BadRow]) -> Iterator[str]:
    """Yields the places of rows of which the same is wrong together: `a.csv:2, a.csv:3 (empty text)`."""
    places: dict[str, list[str]] = {}
    for row in bad:
        places.setdefault(row.why, []).append(row.place)
    return (f"{', '.join(where)} ({why})" for why, where in places.items())
