"""What MLflow should hold of one trial: the run that follows from its records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.confusion import CONFUSION
from analysis.on_test import TEST
from analysis.records import CONTENT, TOKENIZER, VALIDATION, VERDICTS
from analysis.redaction import redacted
from sweeper import tested_tag
from sweeper.history import Trial
from sweeper.mlflow_limits import LONGEST_PARAM, LONGEST_TAG
from sweeper.point import Point, milliseconds
from sweeper.progress import name_of
from trainers.trial import flatten, from_mapping

STATUS = {"complete": "FINISHED", "pruned": "KILLED"}
"""MLflow's status per outcome; every other outcome is FAILED."""

PRODUCER = "trainer.name"
"""The parameter that names the trainer that computed a trial."""

_RECORDED = ("pack.", "matched.")
"""How the facts begin that are parameters, too: the shape that a trial was computed in, what a name in it stood for."""

_INTERRUPTED = "interrupted; it starts again when the sweep continues"

SAMPLES = "samples.json"
"""The artifact that holds what a trial answered."""

CONFUSIONS = "confusion.json"
"""The artifact that holds which labels a trial took for which, at each rung."""

_TABLES = "mlflow.loggedArtifacts"
"""The tag by which MLflow's pages know tables to compare (mlflow.utils.mlflow_tags.MLFLOW_LOGGED_ARTIFACTS)."""


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

    def begin(self, session: SessionFacts, step: int) -> None:
        """Forgets what came after the step that its trial goes on from; everything, where that is 0."""
        self.session, self.ended = session, None
        self.curve = [item for item in self.curve if step and item.step <= step]
        self.samples = {at: made for at, made in self.samples.items() if step and at <= step}
        self.confusions = {at: made for at, made in self.confusions.items() if step and at <= step}

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
            **({} if trial.test is None else {TEST: tested_tag.text(trial.test)}),
            **self._ending,
        }

    @property
    def _listed(self) -> dict[str, str]:
        """Names the tables that there are."""
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


def _text(value: Any) -> str:
    return redacted(json.dumps(value) if isinstance(value, (list, dict)) else str(value))
