"""One sweep from its event log to its leaderboard."""

from __future__ import annotations

import functools
import itertools
import math
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import distribution_to_json

from analysis import garbage
from analysis.redaction import redacted
from sweeper import (
    aside,
    continuation,
    data_facts,
    driver_log,
    ending,
    event_log,
    final_report,
    importances,
    next_steps,
    sweep_file,
)
from sweeper.adapters import Adapters
from sweeper.alarms import alarms
from sweeper.before_training import BeforeTraining
from sweeper.command import Command
from sweeper.decisions import Objective
from sweeper.driver import Driver, View
from sweeper.event_log import EventLog
from sweeper.folders import Folders
from sweeper.halving import Halving
from sweeper.history import History
from sweeper.identity import trial_id
from sweeper.interruption import Interruption
from sweeper.ledger import Ledger
from sweeper.overview import Overview
from sweeper.paths import SweepPaths
from sweeper.patience import Patience
from sweeper.planner import Proposal
from sweeper.program import Exhausted, Finished, Program, Round, Skipped
from sweeper.progress import Progress
from sweeper.recorded_facts import as_record
from sweeper.say import say
from sweeper.session_record import session_record, versions
from sweeper.settling import settling
from sweeper.step_times import StepTimes
from sweeper.terminal import Say, terminal
from sweeper.unasked import unasked
from sweeper.work import Work
from trainers import registry

if TYPE_CHECKING:
    from sweeper.post import Post

# How long stores that do not answer are tried again at the end; where nothing was trained, the user waits for a table.
_PATIENCE_S, _BRIEFLY_S = 5.0, 0.0

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


class Session:
    """Runs what is still missing of a sweep, and reports."""

    def __init__(self, asked: Command, objective: Objective, program: Program, interruption: Interruption) -> None:
        self._asked, self._name, self._settings, self._objective = asked, asked.name, asked.settings, objective
        self._program, self._interruption = program, interruption
        self._patience = Patience(interruption)
        self._began, self._was_cut, self._knows_data = False, False, False
        self._axes: list[str] = []
        self._searched: dict[str, str] | None = None
        self._settled: dict[str, Any] | None = None
        self._paths = SweepPaths(Path(asked.settings.sweep.dir) / asked.name)
        self._before = BeforeTraining(asked, self._paths, self._patience)

    def run(self) -> int:
        """Continues the sweep until it is done or interrupted.

        Returns:
            0, 1 when no trial completed, 130 when it was interrupted.

        Raises:
            ConfigurationError: What preflight found forbids that anything is trained.
        """
        if self._settings.sweep.fresh or not self._paths.events.exists():
            self._before.check()  # before anything is written
        if self._settings.sweep.fresh and (name := aside.put(self._paths)):
            say(f"The recorded sweep {self._name} is put aside as {name}.")
        with EventLog(self._paths.events, self._patience) as log, driver_log.kept(self._paths.log):
            history = History(log.history)
            self._open(log)
            with Work(self._settings, self._paths) as work:
                return self._conduct(log, history, work)

    def _conduct(self, log: EventLog, history: History, work: Work) -> int:
        """Runs the program's rounds, one after the other."""
        for item in self._program.rounds(history):
            if isinstance(item, Skipped):
                self._decide(log, item.name, f"skipped: {item.reason}", {})
                continue
            if isinstance(item, Finished):
                self._settled = item.params
                say(settling(item.params, self._held))
                break
            if isinstance(item, Exhausted):
                self._decide(log, item.stage, f"sweep.max_trials={self._settings.sweep.max_trials} is used up", {})
                say(f"{settling(item.params, self._held)}. The same command with a larger sweep.max_trials goes on.")
                self._settled = item.params if item.params != self._held else None  # nothing yet: the first place
                break
            item.restore(history)
            proposals = item.source.next(history)
            if proposals or history.unfinished:
                code = self._drive(log, history, work, item, proposals)
                if code is not None:
                    return code
            choice = item.conclude(history)
            if choice is not None:
                self._decide(log, item.name, choice.reason, {**choice.recorded, "reused": item.reused(history)})
        if not work.has_begun:
            say(f"Sweep {self._name} is complete: nothing left to train.{unasked(self._asked, log.history)}")
        return self._report(log, history, patience_s=_PATIENCE_S if work.has_begun else _BRIEFLY_S)

    @property
    def _held(self) -> Mapping[str, Any]:
        """What a procedure holds from the start."""
        return self._asked.procedure.hold if self._asked.procedure is not None else {}

    def _decide(self, log: EventLog, stage: str, reason: str, fields: Mapping[str, Any]) -> None:
        """Says what became of a stage, and records it once."""
        say(f"Stage {stage}: {reason}")
        procedure = self._asked.procedure
        why = procedure.stages[stage].why if procedure is not None else ""
        known = [record for record in log.history if record["event"] == "chosen" and record["stage"] == stage]
        if not known or known[-1]["reason"] != reason:
            self._append(log, "chosen", {"stage": stage, "reason": reason, "why": why, **fields})

    def _append(self, log: EventLog, event: str, fields: Mapping[str, Any]) -> event_log.Record:
        """Records what is about the sweep, no trial; returns the record."""
        post = self._post  # which begins with the log as it is
        record = log.append(event, fields, durable=True)
        post.apply(record)
        return record

    def _begin(self, log: EventLog) -> None:
        """Records, once, that this process does something for the sweep, and what holds for all it does."""
        if not self._began:
            self._began = True
            self._append(log, "session", session_record(self._asked, self._axes, self._objective))

    def _tell_data(self, log: EventLog) -> None:
        """Records what is known of the rows, once: of a sweep that is continued, where more is known than before."""
        if self._knows_data:
            return
        self._knows_data = True
        found = data_facts.as_record(data_facts.data_facts(self._asked))
        known = [record["data"] for record in log.history if record["event"] == "data"]
        if found["data"] != (known[-1] if known else []):
            self._append(log, "data", found)

    def _search(self, log: EventLog, item: Round) -> None:
        """Records a round's axes, where they are not the last ones recorded."""
        axes = {key: distribution_to_json(found) for key, found in item.study.distributions.items()}
        if self._searched is None:
            before = (record["distributions"] for record in reversed(log.history) if record["event"] == "searched")
            self._searched = next(before, None)
        if self._searched != axes:
            self._append(log, "searched", {"stage": item.name, "distributions": axes})
        self._searched = axes

    def _close(self, log: EventLog, finished: bool) -> Ledger:
        """Records how the session ended, where that is not known; returns what the log tells by then."""
        ledger = Ledger(self._name, event_log.read(self._paths.events))
        if not ledger.finished:
            if finished and self._settings.sweep.report and (found := importances.of(ledger)) is not None:
                ledger.apply(self._append(log, "importances", found))
            ledger.apply(self._append(log, "closed", {"finished": finished, **self._named(ledger)}))
        if (page := ledger.page) is not None:
            self._patience.until(lambda: self._paths.decisions.write_text(page, encoding="utf-8"))
        return ledger

    def _named(self, ledger: Ledger) -> dict[str, str]:
        """Names the trial that measured what a procedure has settled on, where there is one."""
        config = None if self._settled is None else self._asked.composer.trial(self._settled)[0]
        found = "" if config is None else trial_id(config)
        return {"settled": found} if found in ledger.entries else {}

    def _report(self, log: EventLog, history: History, patience_s: float = _PATIENCE_S) -> int:
        ledger = self._close(log, finished=True)
        code = ending.report(
            self._asked,
            self._paths,
            ledger,
            history,
            self._settled,
            patience=self._patience,
            write_report=lambda: self._write_report(log, ledger),
        )
        if not self._is_delivered(log) and self._deliver(patience_s):
            log.append("delivered", self._stores)
        return INTERRUPTED if self._was_cut else code

    def _write_report(self, log: EventLog, ledger: Ledger) -> bool:
        """Writes the report, unless there is one and nothing has happened since; True where there is one then."""
        is_there = ledger.reported and self._paths.report.exists()
        if is_there or not self._settings.sweep.report:
            return is_there
        made = final_report.write(ledger, self._paths, self._interruption, next_steps.report(self._asked))
        if made is not None:
            self._append(log, "reported", {"sha256": made})
        self._was_cut = self._interruption.requested
        return made is not None

    @property
    def _stores(self) -> dict[str, Any]:
        """Where the sweep is shown; another file of the same name is another store."""
        urls = [self._settings.tracking.uri, self._settings.sweep.storage or f"sqlite:///{self._paths.study}"]
        files = [Path(url.removeprefix("sqlite:///")) for url in urls if url.startswith("sqlite:///")]
        return {
            "stores": [redacted(url) for url in urls],
            "tracking.experiment": self._settings.tracking.experiment,
            "inodes": [file.stat().st_ino if file.exists() else None for file in files],
        }

    def _is_delivered(self, log: EventLog) -> bool:
        """True where nothing happened since all was delivered there: nobody has to be asked."""
        stores = self._stores
        there = all(log.latest.get(key) == value for key, value in stores.items())
        return there and log.latest["event"] == "delivered" and None not in stores["inodes"]

    def _deliver(self, patience_s: float = _PATIENCE_S) -> bool:
        """Brings both stores what they lack, and says what did not arrive; True where all did."""
        lines = self._post.finish(patience_s)
        for line in lines:
            say(line)
        return not lines

    def _open(self, log: EventLog) -> None:
        """Records what the sweep is about, and refuses to go on with something else.

        Raises:
            IncomparableError: Its trials cannot be compared with those asked for now.
        """
        now = continuation.common(self._asked)
        self._axes = now.axes
        continuation.check(self._asked, now, log.history)
        self._patience.until(lambda: sweep_file.write(self._paths.asked, self._asked, now, _command()))
        if any(record["event"] == "proposed" for record in log.history):
            return
        objective = {"metric": self._objective.metric, "direction": self._objective.direction}
        fields = {**objective, **self._facts(), **vars(now)}
        opened = next((record for record in reversed(log.history) if record["event"] == "opened"), {})
        if any(key not in opened or opened[key] != value for key, value in fields.items()):
            log.append("opened", {**fields, "versions": versions()})

    def _facts(self) -> dict[str, Any]:
        """Returns what a procedure derives values from; nothing for a plain search."""
        if self._asked.asked is None:
            return {}
        config = self._asked.composer.trial(self._asked.example)[0]
        assert config is not None  # an understood command composes
        return as_record(self._asked.asked.facts, config)

    def _drive(self, log: EventLog, history: History, work: Work, item: Round, proposals: list[Proposal]) -> int | None:
        """Runs one round; returns an exit code where the sweep ends with it."""
        self._before.check()
        executor = work.executor  # first: workers load while the rest is made ready
        self._begin(log)
        self._tell_data(log)
        self._search(log, item)
        self._before.tell()
        overview = Overview(
            history,
            item.total,
            self._objective,
            item.source.belongs,
            share=item.pruner.share if isinstance(item.pruner, Halving) else None,
            limit_s=self._settings.sweep.limit_s,
        )
        with terminal(overview, self._objective.metric) as tell, self._patience.telling(tell):
            driver = Driver(
                history=history,
                proposals=proposals,
                planner=item.source,
                log=log,
                executor=executor,
                objective=self._objective,
                pruner=item.pruner,
                views=self._views(history, overview, item, tell),
                paths=self._paths,
                interruption=self._interruption,
                limit_s=self._settings.sweep.limit_s,
                keeps_adapters=self._settings.sweep.kept_adapters > 0,
                total=item.total,
                goes_on_from=functools.partial(registry.goes_on_from, self._settings.trainer.name),
                max_retries=self._settings.executor.max_retries,
                alarms=alarms(self._settings.diagnosis, self._objective),
                tell=tell,
            )
            self._announce(history, item, tell)
            garbage.as_usual()
            done = driver.run()
        if not done:
            return self._stopped(log, history)
        if driver.out_of_time:
            say(f"The time is up. To continue for as long again: {shlex.join(_command())}")
            return self._report(log, history)
        return None

    def _stopped(self, log: EventLog, history: History) -> int:
        self._close(log, finished=False)
        done = sum(trial.outcome is not None for trial in history.contenders)
        of = _counted(done) if self._asked.procedure is not None else f"{done} of {_counted(self._asked.total)}"
        say(f"Stopped after {of}. To continue: {shlex.join(_command())}")
        self._deliver()
        return INTERRUPTED

    def _views(self, history: History, overview: Overview, item: Round, tell: Say) -> list[View]:
        kept = self._settings.sweep.kept_adapters
        adapters = Adapters(history.trials.values(), self._objective, self._paths, kept)
        progress = Progress(overview, item.total, self._objective, tell)
        through = self._post.through(tell)
        return [item.study, Folders(self._paths, self._patience), adapters, through, StepTimes(), overview, progress]

    @functools.cached_property
    def _post(self) -> Post:
        from sweeper import post  # MLflow takes two seconds to import: not for a sweep that is complete

        driver_log.take_over()
        sweep, tracking = self._settings.sweep, self._settings.tracking
        records = event_log.read(self._paths.events)
        delivery = post.delivery(self._name, Path(sweep.dir), tracking.uri, tracking.experiment)
        copies = post.copies(self._paths, sweep.storage)
        return post.Post(delivery, copies, tracking.uri, records, post.sync_command(self._name, self._settings))

    def _announce(self, history: History, item: Round, tell: Say) -> None:
        ids = None if self._asked.procedure is not None else self._asked.ids
        mine = [item.source.belongs(trial) if ids is None else trial.id in ids for trial in history.contenders]
        done = sum(trial.outcome is not None for trial in itertools.compress(history.contenders, mine))
        kept = f", {done} of them measured already" if done else ""
        if self._asked.procedure is not None:
            trials = f"{_counted(item.total)}{kept}"
            tell(f"Sweep {self._name}, stage {item.name}: {trials}, compared by {self._objective.metric}")
        else:
            way = f", {self._asked.way}" if self._asked.space.axes else ""
            trials = f"{_counted(self._asked.total)}{self._same()}{kept}{way}"
            tell(f"Sweep {self._name}: {trials}, ranked by {self._objective.metric}")
        if self._asked.builds_tiny:
            tell("Building the bundled model first: half a minute, this once.")

    def _same(self) -> str:
        merged, total = self._asked.merged, self._asked.total
        if not merged:
            return ""
        verb = "is the same trial as another" if merged == 1 else "are the same trials as others"
        return f" ({merged} of {total + merged:g} points {verb})"


def _counted(trials: float) -> str:
    if math.isinf(trials):
        return "as many trials as the time allows"
    return "1 trial" if trials == 1 else f"{trials:g} trials"


def _command() -> list[str]:
    """Returns the command that continues the sweep: one that began it anew goes on with what it began."""
    name = Path(sys.argv[0]).name
    typed = [item for item in sys.argv[1:] if not re.match(r"[+~]*sweep\.fresh\b", item)]
    return [*(["python", "-m", "sweeper"] if name == "__main__.py" else [name]), *typed]
