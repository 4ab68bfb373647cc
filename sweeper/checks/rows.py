"""How many rows there are, how many of them say something new, and which are on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.near_duplicates import OF, SHARED
from sweeper.percent import percent
from sweeper.scene import Scene

REPETITIVE = 0.5
"""The share of different rows under which it is a warning; the guide's own example has a quarter (ours)."""

MANY_NEAR = 0.01
"""The share of validation rows near a training row from which it is a warning (ours)."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says what is known of the rows themselves."""
    if not scene.facts.rows:
        rule = "they cannot be read, so nothing is known of them"
        yield Finding("note", "data.path", scene.config.data.path, "no rows", rule, "ours")
        return
    yield from _left_out(scene)
    yield _different(scene)
    yield from _overlap(scene)


def _left_out(scene: Scene) -> Iterator[Finding]:
    """Says what `data.on_bad_rows=skip` leaves out: whoever asked for it does not know how much it is."""
    for key, account in scene.accounts.items():
        if out := sum(account.left_out.values()):
            counted = ", ".join(f"{reason}: {count:,}" for reason, count in account.left_out.items())
            number = f"{out:,} of {account.read:,} rows are left out ({counted})"
            value = getattr(scene.config.data, key.removeprefix("data."))
            rule = "data.on_bad_rows=skip: rows that cannot be used are neither trained on nor measured with"
            yield Finding("warning", key, value, number, rule, "ours", "data.on_bad_rows=error, which names the first")


def _different(scene: Scene) -> Finding:
    facts, copies = scene.facts, scene.repeats.copies
    about = "" if facts.exact else "about "
    exact = f", {copies:,} exact copies" if copies else ""
    sides = f"{facts.rows:,} training examples, {about}{facts.effective_rows:,} of them different{exact}"
    rule = f"those that share {SHARED} of {OF} of their words count once"
    path, number = scene.config.data.path, f"{sides}; {facts.validation_rows:,} validation examples"
    if facts.effective_rows >= REPETITIVE * facts.rows:
        return Finding("note", "data.path", path, number, rule, "001, r")
    rule = f"repetitive rows behave like few ({rule})"
    return Finding("warning", "data.path", path, number, rule, "001, r", "each row once in data.path")


def _overlap(scene: Scene) -> Iterator[Finding]:
    repeats, rows = scene.repeats, scene.facts.validation_rows
    given = scene.config.data.validation_path
    key, value = ("data.validation_path", given) if given is not None else ("data.path", scene.config.data.path)
    source, remedy = "004, Phase 2 (check for duplicates)", "these rows on one side only"
    if repeats.leaked:
        number = f"{repeats.leaked:,} of {rows:,} validation rows are training rows ({percent(repeats.leaked / rows)})"
        rule = "what was trained on cannot show overfitting"
        yield Finding("warning", key, value, number, rule, source, remedy)
    near = repeats.near / repeats.compared if repeats.compared else 0.0
    if repeats.near and not repeats.leaked:
        number = f"{repeats.near:,} of {repeats.compared:,} validation rows looked at are near a training row"
        rule = f"near: they share {SHARED} of {OF} of their words; evaluation is then kinder than the world"
        yield Finding("warning" if near > MANY_NEAR else "note", key, value, number, rule, source, remedy)
