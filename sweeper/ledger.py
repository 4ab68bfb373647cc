"""What MLflow should hold of a sweep: a fold over its event log, and nothing but the log.

Every time, tag, parameter and point follows from the records, so that a run that is made anew equals the first one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from analysis.confusion import tag_of
from analysis.diagnosis import diagnose
from analysis.leaderboard import rank
from analysis.leaderboard_table import to_markdown
from analysis.metric_directions import OF_CLASSES
from analysis.records import (
    DATA,
    IMPORTANCES,
    JUDGED,
    SETTLED,
    SweepRecords,
    TrialRow,
    sweep_records,
    trial_row,
)
from analysis.thresholds import Thresholds
from sweeper import stage_tags
from sweeper.decision_page import Decided, page
from sweeper.decisions import Objective
from sweeper.entry import Entry, SessionFacts
from sweeper.history import History, Trial
from sweeper.mlflow_limits import LONGEST_TAG
from sweeper.point import milliseconds, points
from sweeper.provenance import Provenance
from sweeper.trial_curve import curve_of

NOTE = "mlflow.note.content"

# What a trial knows before its first step and is worth comparing.
_FACTS = ("trainable_parameters", "init_seconds", "logit_mse", "logit_cosine")


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
            entry.begin(self._session, record.get("from_step", 0))
        elif event == "sampled":
            self.entries[trial.id].samples[record["step"]] = record["samples"]
        elif event == "confused":
            self.entries[trial.id].confusions[record["step"]] = record
        elif event in {"logged", "rung"}:
            self.entries[trial.id].curve += points(record["values"], record["time"], record["step"])
        elif event in {"ended", "failed"}:
            entry = self.entries.setdefault(trial.id, Entry(trial, self._session))
            entry.ended = record["time"]
            entry.summary = points(self._summary(trial), record["time"], 0)
            entry.verdicts = self._verdicts(trial)
            entry.confusion = self._confusion(entry)
        elif event == "tested":
            values = {key: value for key, value in record["values"].items() if not math.isnan(value)}
            self.entries[trial.id].tests += points(values, record["time"], record["step"])
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
