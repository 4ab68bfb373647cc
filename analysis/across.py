"""Several sweeps as one, where their values mean the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.configuration import deciding
from analysis.records import CONTENT, TOKENIZER, VALIDATION, SweepRecords, TrialRow
from analysis.report_error import ReportError

_MEANT = {VALIDATION: "rows that evaluate", CONTENT: "data", TOKENIZER: "tokenizer"}
_OPTIONS = {VALIDATION: "--data-fingerprint", CONTENT: "--data-fingerprint", TOKENIZER: "--tokenizer-fingerprint"}

_UNKNOWN = "not known"


@dataclass(frozen=True)
class Difference:
    """Something in which sweeps do not agree: what it is, and its value by the sweep's name; None is not known."""

    what: str
    values: dict[str, str | None]
    tag: str | None = None

    def __str__(self) -> str:
        """Returns the difference as a clause."""
        return f"{self.what}: {', '.join(f'{sweep} ({value or _UNKNOWN})' for sweep, value in _few(self.values))}"


def _few(values: dict[str, str | None]) -> Iterator[tuple[str, str | None]]:
    """Yields the first sweep, and those that differ from it or are not known."""
    first = next(iter(values.values()))
    for index, (sweep, value) in enumerate(values.items()):
        if index == 0 or value != first or value is None:
            yield sweep, value


def differences(sweeps: Sequence[SweepRecords]) -> list[Difference]:
    """Returns why sweeps cannot be ranked together; empty where they can.

    Args:
        sweeps: Each with another name.

    Returns:
        A difference for the metric, the direction, the rows that evaluate (the data's files where more of the sweeps
        recorded those) and the tokenizer. What is not known of a sweep agrees with nothing.
    """
    data = max((VALIDATION, CONTENT), key=lambda tag: sum(_fingerprint(sweep, tag) is not None for sweep in sweeps))
    found = [
        Difference("the metric", {sweep.name: sweep.metric for sweep in sweeps}),
        Difference("the direction", {sweep.name: sweep.direction for sweep in sweeps}),
        *(
            Difference(f"the {_MEANT[tag]}", {sweep.name: _fingerprint(sweep, tag) for sweep in sweeps}, tag)
            for tag in (data, TOKENIZER)
        ),
    ]
    return [item for item in found if len(set(item.values.values())) > 1 or None in item.values.values()]


def _fingerprint(sweep: SweepRecords, tag: str) -> str | None:
    """Returns a fingerprint of the trials that may be ranked; None where one has none, all where they differ."""
    trials = [trial for trial in sweep.trials if not trial.is_reference and trial.outcome == "complete"]
    found = {trial.fingerprints.get(tag) for trial in trials or sweep.trials}
    known = sorted(value for value in found if value)
    return None if len(known) < len(found) or not known else known[0] if len(known) == 1 else " and ".join(known)


def comparable(sweeps: Sequence[SweepRecords]) -> None:
    """Ends a ranking across sweeps whose values do not mean the same.

    Raises:
        ReportError: The message names what differs, with the values, and what to do.
    """
    found = differences(sweeps) if len(sweeps) > 1 else []
    if not found:
        return
    names = " ".join(sweep.name for sweep in sweeps)
    told = "\n  ".join(str(item) for item in found)
    raise ReportError(
        f"these sweeps cannot be ranked together:\n  {told}\n{''.join(_remedies(found))}"
        f"Side by side: lora-report compare {names}"
    )


def _remedies(found: Sequence[Difference]) -> Iterator[str]:
    """Says how to state what is not known."""
    stated: dict[str, list[str]] = {}
    for item in found:
        known = next((value for value in item.values.values() if value), "TEXT")
        for sweep in (name for name, value in item.values.items() if value is None and item.tag is not None):
            stated.setdefault(sweep, []).append(f"{_OPTIONS[str(item.tag)]} '{known}'")
    for sweep, options in stated.items():
        yield (
            f"If you know that it is the same, and {sweep} was imported, say so: "
            f"lora-report import … --sweep {sweep} --replace {' '.join(options)}\n"
        )


def merged(sweeps: Sequence[SweepRecords]) -> SweepRecords:
    """Returns sweeps as one.

    Args:
        sweeps: Of one metric and direction, as `comparable` holds them.

    Returns:
        One sweep whose trials say which sweep they are from. A trial that is in several is there once, from the first
        that completed it, else from the first; the trials are numbered anew, so that equals keep the order of the
        sweeps.
    """
    if len(sweeps) == 1:
        return sweeps[0]
    apart = _apart([trial for sweep in sweeps for trial in sweep.trials if not trial.is_reference])
    told = [_told(trial, sweep.name, apart) for sweep in sweeps for trial in sweep.trials]
    done = {trial.trial: trial for trial in reversed(told) if trial.outcome == "complete"}
    once = {trial.trial: done.get(trial.trial, trial) for trial in reversed(told)}
    ordered = [trial for trial in told if once[trial.trial] is trial]
    trials = [
        trial if trial.is_reference else dataclasses.replace(trial, number=number)
        for number, trial in enumerate(ordered)
    ]
    decisions = {f"{sweep.name} {stage}": reason for sweep in sweeps for stage, reason in sweep.decisions.items()}
    name = ", ".join(sweep.name for sweep in sweeps)
    noise = max((sweep.noise for sweep in sweeps if sweep.noise is not None), default=None)
    return dataclasses.replace(sweeps[0], name=name, trials=trials, decisions=decisions, noise=noise)


def _told(trial: TrialRow, sweep: str, apart: Sequence[str]) -> TrialRow:
    swept = trial.swept if trial.is_reference else tuple(dict.fromkeys((*trial.swept, *apart)))
    return dataclasses.replace(trial, sweep=sweep, swept=swept)


def _apart(trials: Sequence[TrialRow]) -> list[str]:
    """Returns the parameters in which trials of several sweeps are known to differ: what one held, another may not."""
    keys = dict.fromkeys(key for trial in trials for key in deciding(trial.params))
    values = {key: {str(trial.params[key]) for trial in trials if key in trial.params} for key in keys}
    return [key for key in keys if len(values[key]) > 1 and key not in _FOLLOW]


_FOLLOW = {"lora.alpha", "lora.realised_gain", "model.name"}  # from rank and gain, and from the model's path
