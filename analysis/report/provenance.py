"""Where a report's numbers come from, and what of that nobody recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from analysis.configuration import SEED
from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape, table
from analysis.recorded_sweep import RecordedSweep
from analysis.records import (
    COMMAND,
    CONTENT,
    FOLDER,
    HARDWARE,
    ORIGIN,
    PRUNER,
    SAMPLER,
    TOKENIZER,
    VALIDATION,
    VERSIONS,
    TrialRow,
)
from analysis.visible import visible

_FINGERPRINTS = {
    CONTENT: "Data files",
    VALIDATION: "Evaluated rows",
    TOKENIZER: "Tokenizer",
}
_MOST_NAMED = 12  # seeds, models and fingerprints beyond that are counted


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    yield from ("## Provenance", "")
    sweep = evidence.sweep
    found = {name: told for name, told in _told(sweep).items() if told}
    yield from (*table([{"What": name, "Recorded": told} for name, told in found.items()]), "")
    yield from _versions(sweep.tags)
    yield from _command(sweep.tags)
    missing = [name for name in _told(sweep) if name not in found and name not in _MAY_BE_ABSENT]
    missing += [name for tag, name in ((VERSIONS, "Versions"), (COMMAND, "Command")) if not sweep.tags.get(tag)]
    if missing:
        yield from (f"Not recorded, so not known here: {', '.join(_lowered(name) for name in missing)}.", "")


_MAY_BE_ABSENT = {"Imported from", "Imported at", "Also computed on", "Pruner", "Test rows"}


def _told(sweep: RecordedSweep) -> dict[str, str]:
    """Returns what is known, by name; empty where it is not."""
    trials, tags = sweep.records.trials, sweep.tags
    trained = [trial for trial in trials if not trial.is_reference]
    hardware = mapping(tags, HARDWARE)
    return {
        "Imported from": tags.get(ORIGIN, ""),
        "Imported at": _when(sweep.started, sweep.ended, hardware) if ORIGIN in tags else "",
        "When": "" if ORIGIN in tags else _when(sweep.started, sweep.ended, hardware),
        "Computed on": _computer(hardware),
        "Also computed on": "; ".join(map(_computer, hardware.get("others", []))),
        "Folder": tags.get(FOLDER, ""),
        "Base model": _named(trial.params.get("model.name") for trial in trained),
        "Quantization": _named(trial.params.get("quantization.name") for trial in trained),
        "Data": _named(trial.params.get("data.name") for trial in trained),
        **{name: _named(_fingerprints(trained, tag)) for tag, name in _FINGERPRINTS.items()},
        "Test rows": _named(_tested(sweep)),
        "Training seeds": _named(sorted(_seeds(trained))),
        "Points chosen by": tags.get(SAMPLER, ""),
        "Pruner": tags.get(PRUNER, ""),
        "Trainer": _named(trial.params.get("trainer.name") for trial in trained),
    }


def _fingerprints(trials: Sequence[TrialRow], tag: str) -> Iterator[str | None]:
    return (trial.fingerprints.get(tag) for trial in trials)


def _tested(sweep: RecordedSweep) -> Iterator[str]:
    """Yields the fingerprints of the test files that trials were measured on, with the rows."""
    found = (trial.test for trial in sweep.records.trials if trial.test is not None)
    return (f"{item.content} ({item.rows:,} rows)" for item in found)


def _seeds(trials: Sequence[TrialRow]) -> set[int]:
    return {trial.params[SEED] for trial in trials if isinstance(trial.params.get(SEED), int)}


def _named(values: Any) -> str:
    """Returns the distinct values that are known, in their order; many are counted."""
    known = list(dict.fromkeys(str(value) for value in values if value not in (None, "")))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more


def _when(started: float | None, ended: float | None, hardware: Mapping[str, Any]) -> str:
    if started is None:
        return ""
    sessions = hardware.get("sessions", 1)
    parts = f", in {sessions} sessions" if sessions > 1 else ""
    until = "now" if ended is None else _moment(ended)
    return f"{_moment(started)}{f' to {until}' if until != _moment(started) else ''} (UTC){parts}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _computer(found: Mapping[str, Any]) -> str:
    """Returns what computed, in words."""
    if not found:
        return ""
    workers, memory = found.get("workers"), found.get("memory_gib")
    shared = found.get("kind") == "cpu"
    told = [
        str(found.get("name", "unknown")),
        f"{workers} worker{'' if workers == 1 else 's'}" if workers else "",
        f"{found['threads']} thread{'' if found['threads'] == 1 else 's'} each" if found.get("threads") else "",
        f"{found['cores']} cores" if found.get("cores") else "",
        f"{memory:g} GiB {'of memory' if shared else 'per GPU'}" if memory else "",
        f"host {found['host']}" if found.get("host") else "",
        str(found.get("platform", "")),
    ]
    return ", ".join(filter(None, told))


def _versions(tags: Mapping[str, str]) -> Iterator[str]:
    found = mapping(tags, VERSIONS)
    if found:
        told = ", ".join(f"{escape(name)} {escape(str(number))}" for name, number in found.items())
        yield from (f"Versions: {told}.", "")


def _command(tags: Mapping[str, str]) -> Iterator[str]:
    """Yields the command in a block that ends where the command does, whatever stands in it."""
    if command := tags.get(COMMAND):
        fence = "```" if "```" not in command else "~" * (command.count("~") + 3)
        yield from ("Command:", "", f"{fence}sh", *map(visible, command.splitlines()), fence, "")


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
