"""How well a diagnosis does on curves of which is known what they show: precision and recall of every verdict.

Run: python -m benchmarks.diagnosis [--errors]
Some curves are synthetic and come from seeds; others are of real trainings (`benchmarks.provoked`), labelled by what
was provoked and by a person's look at the numbers. Thresholds were set on the tuning curves; the held-out ones have
other shapes, noise, schedules and lengths, or other ranks, rates, rows and seeds, and nothing was set on them.
`--errors` names each of the tuning curves'.
Wanted: at least 0.9 of each, and an alarm on less than 2 % of the healthy curves.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.diagnosis import diagnose
from benchmarks.held_out_curves import held_out
from benchmarks.labelled_curves import NAMES, Labelled, Score, score
from benchmarks.markdown import table
from benchmarks.provoked import stored
from benchmarks.tuning_curves import tuning


def page(name: str, labelled: Sequence[Labelled]) -> str:
    """Returns a set's table, and how many of its healthy curves raised an alarm."""
    found = score(labelled)
    alarms = f"{found.alarms} of {found.healthy} healthy curves raise an alarm ({100 * found.false_alarms:.1f} %)"
    header = ["Verdict", "curves", "precision", "recall"]
    return f"{name}: {found.curves} curves; {alarms}\n\n{table(header, [_row(name, found) for name in NAMES])}\n"


def _row(name: str, found: Score) -> list[str]:
    counts = found.counts[name]
    return [name, str(counts.right + counts.missed), f"{counts.precision:.3f}", f"{counts.recall:.3f}"]


def errors(labelled: Sequence[Labelled]) -> list[str]:
    """Names each verdict that is missing or too much, with what was said instead."""
    found = []
    for at, item in enumerate(labelled):
        said = {verdict.name: verdict.evidence for verdict in diagnose(item.curve)}
        missed, wrong = set(item.expected) - said.keys(), said.keys() - set(item.expected) - set(item.allowed)
        if missed or wrong:
            found.append(f"{at} {item.family}: missed {sorted(missed)}, wrong {sorted(wrong)}; said {said}")
    return found


def main(arguments: Sequence[str]) -> None:
    if "--errors" in arguments:
        print("\n".join(errors([*tuning(), *stored.labelled("tuning")])))
    print(page("Synthetic, tuning", tuning()))
    print(page("Synthetic, held out", held_out()))
    print(page("Real, tuning", stored.labelled("tuning")))
    print(page("Real, held out", stored.labelled("held_out")))
    print(page("All that was held out", [*held_out(), *stored.labelled("held_out")]))


if __name__ == "__main__":
    main(sys.argv[1:])
