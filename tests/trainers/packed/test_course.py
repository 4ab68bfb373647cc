"""Which rows a trial sees when."""

from __future__ import annotations

import itertools
import statistics

from trainers.packed.course import Course

LENGTHS = tuple(5 + (number * 37) % 60 for number in range(200))


def spread(course: Course) -> float:
    """The mean spread of lengths within the updates of two epochs."""
    updates = [[LENGTHS[at] for batch in course.update(n) for at in batch] for n in range(2 * course.updates_per_epoch)]
    return statistics.mean(max(update) - min(update) for update in updates)


def test_groups_of_like_length_hold_every_row_once_an_epoch() -> None:
    grouped = Course(200, 4, 2, seed=3, lengths=LENGTHS)
    assert spread(grouped) < spread(Course(200, 4, 2, seed=3)) / 4
    first, second = (
        [at for n in range(begin, begin + 25) for batch in grouped.update(n) for at in batch] for begin in (0, 25)
    )
    assert sorted(first) == sorted(second) == list(range(200)) and first != second
    assert LENGTHS[first[0]] == max(LENGTHS)  # what would run out of memory does so at once


def test_a_course_can_be_joined_anywhere() -> None:
    there = Course(30, 4, 1, seed=1, lengths=LENGTHS[:30])
    again = Course(30, 4, 1, seed=1, lengths=LENGTHS[:30])
    assert there.update(11) == again.update(11)
    assert len(list(itertools.chain.from_iterable(there.update(7)))) == 2  # the last of an epoch is short
