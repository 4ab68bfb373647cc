"""What MLflow should hold of a sweep: a fold over its event log, and nothing but the log.

Every time, tag, parameter and point follows from the records, so that a run that is made anew equals the first one.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.confusion import CONFUSION, tag_of
from analysis.diagnosis import diagnose
from analysis.leaderboard import rank
from analysis.leaderboard_table import to_markdown
from analysis.metric_directions import OF_CLASSES
from analysis.on_test import TEST
from analysis.records import (
    CONTENT,
    DATA,
    IMPORTANCES,
    JUDGED,
    SETTLED,
    TOKENIZER,
    VALIDATION,
    VERDICTS,
    SweepRecords,
    TrialRow,
    sweep_records,
    trial_row,
)
from analysis.redaction import redacted
from analysis.thresholds import Thresholds
from sweeper import stage_tags, tested_tag
from sweeper.decision_page import Decided, page
from sweeper.decisions import Objective
from sweeper.history import History, Trial
from sweeper.mlflow_limits import LONGEST_PARAM, LONGEST_TAG
from sweeper.progress import name_of
from sweeper.provenance import Provenance
from sweeper.trial_curve import curve_of
from trainers.trial import flatten, from_mapping

NOTE = "mlflow.note.content"

STATUS = {"complete": "FINISHED", "pruned": "KILLED"}
"""MLflow's status per outcome; every other outcome is FAILED."""

PRODUCER = "trainer.name"
"""The parameter that names the trainer that computed a trial."""

# What a trial knows before its first step and is worth comparing.
_FACTS = ("trainable_parameters", "init_seconds", "logit_mse", "logit_cosine")

_RECORDED = ("pack.", "matched.")
"""How the facts begin that are parameters, too: the shape that a trial was computed in, what a name in it stood for."""

_INTERRUPTED = "interrupted; it starts again when the sweep continues"

SAMPLES = "samples.json"
"""The artifact that holds what a trial answered."""

CONFUSIONS = "confusion.json"
"""The artifact that holds which labels a trial took for which, at each rung."""

# By this tag MLflow's pages know a table to compare between runs (mlflow.utils.mlflow_tags.MLFLOW_LOGGED_ARTIFACTS).
_TABLES = "mlflow.loggedArtifacts"

_NAN = math.nan  # one object, so that points with it can be found in a set
_LARGEST = sys.float_info.max  # what MLflow keeps for an infinity (sqlalchemy_store.sanitize_metric_value)


class Point(NamedTuple):
    """A metric's value as MLflow keeps it; `ms` is Unix time in milliseconds."""

    key: str
    value: float
    ms: int
    step: int


def point(key: str, value: float, ms: int, step: int) -> Point:
    """Returns a point as it comes back from MLflow: infinities are large numbers there."""
    kept = _NAN if math.isnan(value) else max(-_LARGEST, min(_LARGEST, float(value)))
    return Point(key, kept, ms, step)


@dataclass(frozen=True)
class SessionFacts:
    """What a session says of everything that runs in it: MLflow's context tags, parameters, how curves are judged."""

    context: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    judged: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass
class Entry:
    """A trial's run.

    `ended` is when the trial ended, or its session without it; `summary` are its last points; `samples` what it
    answered, pairs of prompt and completion by step; `confusions` which labels it took for which, by step, and
    `confusion` that of its best rung, as a tag; `verdicts` what its curve shows, once it has ended; `tests` what was
    measured on test rows.
    """

    trial: Trial
    session: SessionFacts
    curve: list[Point] = field(default_factory=list)
    summary: list[Point] = field(default_factory=list)
    ended: float | None = None
    samples: dict[int, list[list[str]]] = field(default_factory=dict)
    confusions: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    confusion: str = ""
    verdicts: tuple[str, ...] = ()
    tests: list[Point] = field(default_factory=list)

    @property
    def tables(self) -> dict[str, str]:
        """What the run has as MLflow's tables, by file: answers to prompts, and the labels once it has ended."""
        answers = [[step, *pair] for step, pairs in sorted(self.samples.items()) for pair in pairs]
        labels = [] if self.ended is None else [*self._labels()]
        made = {
            SAMPLES: {"columns": ["step", "prompt", "completion"], "data": answers},
            CONFUSIONS: {"columns": ["step", "true", "predicted", "rows"], "data": labels},
        }
        return {name: json.dumps(table) for name, table in made.items() if table["data"]}

    def _labels(self) -> Iterator[list[Any]]:
        for step, found in sorted(self.confusions.items()):
            labels = found["labels"]
            for true, predicted, rows in found["counts"]:
                yield [step, labels[true], labels[predicted], rows]

    @property
    def points(self) -> list[Point]:
        """All points, in the order they were recorded."""
        return [*self.curve, *self.summary, *self.tests]

    @property
    def name(self) -> str:
        """The run's name, as in the leaderboard."""
        return name_of(self.trial)

    @property
    def started_ms(self) -> int:
        """When the trial began."""
        return milliseconds(self.trial.started or self.ended or 0)

    @property
    def ended_ms(self) -> int | None:
        """When the run ended, None while it goes on."""
        return None if self.ended is None else milliseconds(self.ended)

    @property
    def status(self) -> str:
        """MLflow's status."""
        if self.trial.outcome is not None:
            return STATUS.get(self.trial.outcome, "FAILED")
        return "RUNNING" if self.ended is None else "KILLED"

    @property
    def tags(self) -> dict[str, str]:
        """The run's tags, but for its parent's."""
        trial = self.trial
        return {
            **self.session.context,
            "kind": "reference" if trial.is_reference else "trial",
            "trial": trial.id,
            "number": str(trial.number),
            "stage": trial.stage,
            "short": str(trial.short).lower(),
            "swept": ",".join(trial.params),
            **self._listed,
            **({CONFUSION: self.confusion} if self.confusion else {}),
            **({VERDICTS: ",".join(self.verdicts)} if self.verdicts else {}),
            **self._fingerprints,
            **({} if self.trial.test is None else {TEST: tested_tag.text(self.trial.test)}),
            **self._ending,
        }

    @property
    def _listed(self) -> dict[str, str]:
        """By this tag MLflow's pages know tables to compare between runs."""
        there = {SAMPLES: any(self.samples.values()), CONFUSIONS: self.confusions and self.ended is not None}
        found = [{"path": name, "type": "table"} for name, is_there in there.items() if is_there]
        return {_TABLES: json.dumps(found)} if found else {}

    @property
    def _fingerprints(self) -> dict[str, str]:
        """Of the rows and the tokenizer, as far as anybody knew them."""
        known = {CONTENT: self.trial.content, **self.trial.facts}
        return {key: str(known[key]) for key in (VALIDATION, CONTENT, TOKENIZER) if known.get(key)}

    @property
    def _ending(self) -> dict[str, str]:
        if self.trial.outcome is not None:
            return {"outcome": self.trial.outcome, "reason": (self.trial.reason or "")[:LONGEST_TAG]}
        return {} if self.ended is None else {"reason": _INTERRUPTED}

    @property
    def params(self) -> dict[str, str]:
        """The run's parameters under their dotted names: what was asked for, who computed it, and what ran instead."""
        trial = self.trial
        values = {**flatten(from_mapping(trial.config)), **self.session.params, **trial.params}
        if trial.facts:
            values |= {PRODUCER: trial.facts.get("trainer", "sft")}
            values |= {name: value for name, value in trial.facts.items() if name.startswith(_RECORDED)}
        values |= {f"ran.{key}": value for key, value in getattr(trial, "ran", {}).items()}
        return {key: _text(value)[:LONGEST_PARAM] for key, value in values.items()}


class Ledger:
    """The runs of one sweep, as far as its log tells."""

    def __init__(self, sweep: str, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.sweep = sweep
        self.entries: dict[str, Entry] = {}
        self.decisions: dict[str, Decided] = {}
        self.changed: dict[str, None] = {}
        """Trials of which something became known since somebody emptied this."""
        self.importances: dict[str, Any] | None = None
        self.data: list[Mapping[str, Any]] = []
        """What is known of each different data of the sweep (`sweeper.data_facts`)."""
        self.settled: str | None = None
        """The trial that measured what a procedure has settled on."""
        self.reported = False
        """Whether a report was written since anything else happened."""
        self.note: str | None = None
        self.finished = False
        self.ended: float | None = None
        self._history = History()
        self.objective = Objective("eval_loss", "minimize")
        self._opened: float | None = None
        self._context: Mapping[str, str] = {}
        self._session = SessionFacts(params={"sweep.name": sweep})
        self._provenance = Provenance()
        for record in records:
            self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> None:
        """Takes one record of the log into account."""
        self.reported = record["event"] in _AFTERWARDS and (self.reported or record["event"] == "reported")
        trial = self._history.apply(record)
        if trial is not None:
            self._follow(trial, record)
            return
        match record["event"]:
            case "opened":
                self.objective, self._opened = Objective(record["metric"], record["direction"]), record["time"]
                self._provenance.versions = record.get("versions", {})
            case "session":
                self._begin(record)
            case "chosen":
                numbers = {key: value for key, value in record.items() if key not in _NO_NUMBERS}
                self.decisions[record["stage"]] = Decided(record["reason"], numbers, record.get("why", ""))
            case "importances":
                self.importances = {key: value for key, value in record.items() if key not in {"event", "time"}}
            case "data":
                self.data = record["data"]
            case "closed":
                self._close(record)

    def _begin(self, record: Mapping[str, Any]) -> None:
        self._session = SessionFacts(record["context"], record["params"], record.get("diagnosis", {}))
        self._context = self._context or record["context"]
        self._provenance.sessions.append(record)
        self.finished, self.ended = False, None

    def _close(self, record: Mapping[str, Any]) -> None:
        """Ends the sweep's run, and those of trials that are left."""
        self.finished, self.ended, self.settled = record["finished"], record["time"], record.get("settled")
        for entry in self.entries.values():
            if entry.trial.outcome is None:
                entry.ended = record["time"]
                self.changed[entry.trial.id] = None
        if self.finished:
            self.note = _note(to_markdown(rank(self.records)))

    def _follow(self, trial: Trial, record: Mapping[str, Any]) -> None:
        event = record["event"]
        if event == "started":
            entry = self.entries.setdefault(trial.id, Entry(trial, self._session))
            entry.session, entry.ended = self._session, None
            step = record.get("from_step", 0)
            entry.curve = [item for item in entry.curve if item.step <= step] if step else []
            entry.samples = {at: made for at, made in entry.samples.items() if step and at <= step}
            entry.confusions = {at: made for at, made in entry.confusions.items() if step and at <= step}
        elif event == "sampled":
            self.entries[trial.id].samples[record["step"]] = record["samples"]
        elif event == "confused":
            self.entries[trial.id].confusions[record["step"]] = record
        elif event in {"logged", "rung"}:
            self.entries[trial.id].curve += _points(record["values"], record["time"], record["step"])
        elif event in {"ended", "failed"}:
            entry = self.entries.setdefault(trial.id, Entry(trial, self._session))
            entry.ended = record["time"]
            entry.summary = _points(self._summary(trial), record["time"], 0)
            entry.verdicts = self._verdicts(trial)
            entry.confusion = self._confusion(entry)
        elif event == "tested":
            values = {key: value for key, value in record["values"].items() if not math.isnan(value)}
            self.entries[trial.id].tests += _points(values, record["time"], record["step"])
        if trial.id in self.entries:
            self.changed[trial.id] = None

    def _confusion(self, entry: Entry) -> str:
        best = entry.trial.best(self.objective.metric, self.objective.direction)
        found = None if best is None else entry.confusions.get(best[0])
        if found is None:
            return ""
        return tag_of(found["step"], found["labels"], found["counts"], LONGEST_TAG)

    def _verdicts(self, trial: Trial) -> tuple[str, ...]:
        """Returns what a curve shows, nothing of a base that was not trained."""
        if trial.is_reference:
            return ()
        thresholds = Thresholds(**self._session.judged.get("thresholds", {}))
        return tuple(verdict.name for verdict in diagnose(curve_of(trial), thresholds))

    def _summary(self, trial: Trial) -> dict[str, float]:
        """Returns one value per trial and metric: at its best rung, at its last, and what it cost."""
        best = trial.best(self.objective.metric, self.objective.direction)
        summary: dict[str, float | None] = {
            "steps": float(trial.last_step),
            "planned_steps": trial.steps,
            "seconds": trial.seconds,
            "peak_memory_mib": trial.peak_memory_mib,
            **{name: trial.facts.get(name) for name in _FACTS},
        }
        if best is not None:
            summary |= {"best_step": float(best[0])} | {f"best_{key}": value for key, value in best[1].items()}
            last = trial.rungs[-1][1].items()
            summary |= {f"final_{key}": value for key, value in last if self._is_worth_a_last_value(key)}
        return {key: float(value) for key, value in summary.items() if value is not None and not math.isnan(value)}

    def _is_worth_a_last_value(self, metric: str) -> bool:
        """False for what is about one label, of which there may be many: its curve has the last value, too."""
        return metric == self.objective.metric or not metric.startswith(OF_CLASSES)

    @property
    def started_ms(self) -> int | None:
        """When the sweep began; None where the log does not say."""
        return None if self._opened is None else milliseconds(self._opened)

    @property
    def ended_ms(self) -> int | None:
        """When its latest session ended, None while it goes on."""
        return None if self.ended is None else milliseconds(self.ended)

    @property
    def status(self) -> str:
        """MLflow's status of the sweep's own run."""
        if self.ended is None:
            return "RUNNING"
        return "FINISHED" if self.finished else "KILLED"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the sweep's own run: what it optimises, what it decided, its leaderboard."""
        tags = {
            **self._context,
            "kind": "sweep",
            "sweep": self.sweep,
            "opened": str(self.started_ms or 0),
            "metric": self.objective.metric,
            "direction": self.objective.direction,
            **self._provenance.tags,
        }
        tags |= {JUDGED: json.dumps(self._session.judged)} if self._session.judged else {}
        tags |= stage_tags.tags(self.decisions)
        tags |= {IMPORTANCES: json.dumps(self.importances)} if self.importances else {}
        tags |= {DATA: json.dumps({"data": self.data})} if self.data else {}
        tags |= {SETTLED: self.settled} if self.settled else {}
        return tags if self.note is None else {**tags, NOTE: self.note}

    @property
    def page(self) -> str | None:
        """`decisions.md`; None where nothing was decided."""
        return page(self.decisions, self.objective.metric) if self.decisions else None

    @property
    def records(self) -> SweepRecords:
        """The sweep as `analysis.store.read_sweep` returns it from MLflow."""
        return sweep_records(self.tags, (_row(entry) for entry in self.entries.values()))


_AFTERWARDS = {"reported", "delivered", "renamed"}
"""What happens to a sweep when it is done."""
_NO_NUMBERS = {"event", "time", "stage", "reason", "why"}


def _row(entry: Entry) -> TrialRow:
    metrics = {item.key: item.value for item in (*entry.summary, *entry.tests)}  # no row is about the curve
    times_ms = (entry.started_ms, entry.ended_ms)
    return trial_row(entry.name, entry.status, entry.tags, entry.params, metrics, times_ms=times_ms)


def _note(text: str) -> str:
    """Returns what MLflow has room for, whole lines."""
    if len(text) <= LONGEST_TAG:
        return text
    more = "\n\nThe rest is in leaderboard.md and in `lora-report leaderboard`.\n"
    return text[: LONGEST_TAG - len(more)].rpartition("\n")[0] + more


def _points(values: Mapping[str, float], stamp: float, step: int) -> list[Point]:
    return [point(key, value, milliseconds(stamp), step) for key, value in values.items()]


def _text(value: Any) -> str:
    return redacted(json.dumps(value) if isinstance(value, (list, dict)) else str(value))


def milliseconds(seconds: float) -> int:
    """Returns Unix time as MLflow counts it; records have no more digits."""
    return int(seconds * 1000)
