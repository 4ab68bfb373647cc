"""MLflow holds in the end what the log says, nothing twice, whatever fails on the way."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils
from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from shown import held, studies

from analysis import recording, tracking
from analysis.confusion import read
from analysis.store import read_sweep
from sweeper.delivery import Delivery, remove
from sweeper.distributions import distribution
from sweeper.ledger import Ledger
from sweeper.mirror import Copies, Mirror
from sweeper.recorded_sweep import recorded
from sweeper.space import Choices
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

Record = dict[str, Any]

CONFIG = dataclasses.asdict(
    TrialConfig(Model("m", "m"), Quantization(), Lora(8, 16), Data("rows", "rows.csv"), Training(1e-3))
)
AXES = {"lora.r": distribution_to_json(distribution(Choices("lora.r", (4, 8))))}


class Log:
    """Writes records, a tenth of a second apart."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, event: str, trial: str | None = None, **fields: Any) -> None:
        about = {} if trial is None else {"trial": trial}
        self.records.append({"event": event, "time": 1000 + len(self.records) / 10, **about, **fields})

    def propose(self, trial: str, number: int, r: int) -> None:
        self.add("proposed", trial, number=number, params={"lora.r": r}, config=CONFIG, content="ccc")

    def session(self, workers: int) -> None:
        context = {"mlflow.user": f"user{workers}"}
        hardware, versions = {"name": "cpu", "workers": workers}, {"python": "3.11", "torch": f"2.{workers}"}
        more = {"command": ["/bin/lora-sweep", "-m", "lora.r=4,8", f"x={workers}"], "hardware": hardware, "noise": 0.01}
        self.add("session", context=context, params={"executor.workers": workers, "sweep.name": "s"}, **more)
        self.records[-1] |= {"versions": versions, "sampler": "grid"}

    def train(self, trial: str, steps: range, worth: float = 2.0) -> None:
        for step in steps:
            self.add("logged", trial, step=step, values={"loss": worth / step, "grad_norm": math.nan})
            if trial in "bc":
                self.add("sampled", trial, step=step, samples=[["how?", f"{worth} at {step}"], ["é|<b>", ""]])
                counts = [[0, 0, step], [1, 0, 2]]
                self.add("confused", trial, step=step, labels=["sad", "<b>|é"], counts=counts)
            self.add("rung", trial, step=step, values={"eval_loss": worth + 1 / step})

    def end(self, trial: str, step: int, outcome: str = "complete") -> None:
        self.add("ended", trial, step=step, seconds=1.5, peak_memory_mib=10, outcome=outcome, reason=f"{outcome}!")


def story() -> list[Record]:
    """Two sessions: one trial ends at once, one pauses, one starts again from nothing, one diverges."""
    log = Log()
    log.add("opened", metric="eval_loss", direction="minimize")
    log.session(1)
    log.add("searched", stage="search", distributions=AXES)
    for number, trial in enumerate("abcd"):
        log.propose(trial, number, 4 if number % 2 else 8)
    log.add("started", "a", from_step=0)
    facts = {"trainer": "replay", "trainable_parameters": 7, "data.validation": "aaa", "tokenizer": "bbb"}
    log.add("began", "a", steps=3, facts=facts)
    log.train("a", range(1, 4))
    log.end("a", 3)
    for trial in "bc":
        log.add("started", trial, from_step=0)
        log.add("began", trial, steps=3, facts={"trainer": "replay"})
        log.train(trial, range(1, 3))
    log.add("paused", "b", step=2, seconds=1.0, peak_memory_mib=5)
    log.add("closed", finished=False)
    log.session(2)
    log.add("started", "b", from_step=2)
    log.train("b", range(3, 4), worth=1.0)
    log.end("b", 3)
    log.add("started", "c", from_step=0)
    log.train("c", range(1, 4), worth=3.0)
    log.end("c", 3, "pruned")
    log.add("started", "d", from_step=0)
    log.add("rung", "d", step=1, values={"eval_loss": math.inf})
    log.end("d", 1, "diverged")
    log.add("chosen", stage="search", reason="8 won", why="it is cheap", numbers={"values": {"r=8": 1.0}})
    log.records[-1] |= {"reused": {"trials": 1, "steps": 3}}
    log.add("importances", evaluator="fanova", values={"lora.r": 1.0}, trials=8)
    log.add("tested", "b", **measured(0.7, "old"))
    log.add("closed", finished=True, settled="b")
    log.session(2)
    log.add("tested", "b", **measured(0.6, "new"))
    log.add("tested", "a", **measured(math.nan, "new"))
    log.add("closed", finished=True, settled="b")
    return log.records


def measured(accuracy: float, content: str) -> Record:
    facts = {"rows": 5, "cut_off": 0, "data.test": "ttt", "seconds": 0.1}
    values = {"test_loss": 2.5, "test_accuracy": accuracy, "test_perplexity": math.inf}
    about = {"step": 3, "content": content, "source": "test.csv", "facts": facts}
    return {"values": values, "labels": ["x", "y"], "counts": [[0, 0, 3], [1, 0, 2]], **about}


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def experiment(uri: str, tmp_path: Path) -> tuple[MlflowClient, str]:
    return tracking.connect(uri, tmp_path.name, tmp_path.as_uri())


class Flaky:
    """A client whose n-th call fails, before it takes effect or after."""

    def __init__(self, client: MlflowClient, fails_at: int, after: bool) -> None:
        self._client, self._fails_at, self._after = client, fails_at, after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            fails = self.calls == self._fails_at
            if fails and not self._after:
                raise MlflowException("not reached")
            found = getattr(self._client, name)(*arguments, **named)
            if fails:
                raise MlflowException("the answer was lost")
            return found

        return call


def deliver(delivery: Delivery | Mirror) -> None:
    try:
        for _ in delivery.deliver():
            pass
    except MlflowException:
        delivery.forget()


def lived(client: Any, experiment: str, records: list[Record], every: int) -> Delivery:
    """Delivers as a courier does, every so many records."""
    delivery = Delivery(lambda: (client, experiment), Ledger("s"))
    for index, record in enumerate(records):
        delivery.take(record)
        if index % every == every - 1:
            deliver(delivery)
    deliver(delivery)
    deliver(delivery)
    return delivery


@pytest.fixture(scope="module")
def calm(uri: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a delivery in one go leaves."""
    folder = tmp_path_factory.mktemp("calm")
    client, experiment = tracking.connect(uri, "calm", folder.as_uri())
    lived(client, experiment, story(), every=1000)
    return held(client, experiment)


def test_what_is_there_is_what_the_log_says(calm: dict[str, Any]) -> None:
    name, status, started, ended, params, tags, curves, _ = calm["c"]
    assert (name.startswith("exp3_r8"), status, started) == (True, "KILLED", 1004500)
    assert params["executor.workers"] == "2" and tags["mlflow.user"] == "user2" and tags["outcome"] == "pruned"
    assert [(value, step) for value, step, _ in curves["eval_loss"]] == [("4.0", 1), ("3.5", 2), (repr(3 + 1 / 3), 3)]
    assert ended > curves["eval_loss"][-1][2] > started
    assert {value for value, _, _ in calm["a"][6]["grad_norm"]} == {"nan"}
    assert [value for value, _, _ in calm["d"][6]["eval_loss"]] == [repr(1.7976931348623157e308)]
    assert calm["a"][4]["trainer.name"] == "replay" and calm["a"][4]["executor.workers"] == "1"
    answers = json.loads(calm["b"][7]["samples.json"])  # of steps 1 and 2 before it paused, of 3 after
    assert answers["columns"] == ["step", "prompt", "completion"] and len(answers["data"]) == 6
    assert answers["data"][4:] == [[3, "how?", "1.0 at 3"], [3, "é|<b>", ""]] and calm["a"][7] == {}
    begun_anew = json.loads(calm["c"][7]["samples.json"])["data"]
    assert [row[2] for row in begun_anew[::2]] == ["3.0 at 1", "3.0 at 2", "3.0 at 3"]
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [
        {"path": name, "type": "table"} for name in ("samples.json", "confusion.json")
    ]
    sweep = calm["the sweep"]
    assert (sweep[0], sweep[1], sweep[2]) == ("s", "FINISHED", 1000000)
    assert sweep[5]["decision.search"] == "8 won" and sweep[5]["mlflow.note.content"].startswith("# Leaderboard of s")


def test_which_labels_were_taken_for_which_is_a_table_and_of_the_best_rung_a_tag(calm: dict[str, Any]) -> None:
    table = json.loads(calm["b"][7]["confusion.json"])
    assert table["columns"] == ["step", "true", "predicted", "rows"]
    rows = [[["sad", "sad", step], ["<b>|é", "sad", 2]] for step in (1, 2, 3)]
    assert table["data"] == [[step, *row] for step, both in enumerate(rows, start=1) for row in both]
    assert len(json.loads(calm["c"][7]["confusion.json"])["data"]) == 6  # it began anew
    found = read(calm["b"][5])
    assert found is not None and (found.step, found.rows, found.cells) == (3, 5, (("<b>|é", "sad", 2),))
    assert "confusion" not in calm["a"][5]


def test_what_test_rows_showed_is_there_the_latest_last(calm: dict[str, Any]) -> None:
    assert [(value, step) for value, step, _ in calm["b"][6]["test_accuracy"]] == [("0.7", 3), ("0.6", 3)]
    assert "test_accuracy" not in calm["a"][6] and [value for value, *_ in calm["a"][6]["test_loss"]] == ["2.5"]
    told = json.loads(calm["b"][5]["test"])
    assert (told["rows"], told["content"], told["counts"]) == (5, "new", [[0, 0, 3], [1, 0, 2]])
    assert "test" not in calm["c"][5]


def test_what_a_sweep_ran_with_stands_in_its_tags(calm: dict[str, Any]) -> None:
    tags = calm["the sweep"][5]
    assert tags["command"] == "lora-sweep -m lora.r=4,8 x=1" and (tags["noise"], tags["settled"]) == ("0.01", "b")
    assert json.loads(tags["versions"]) == {"python": "3.11", "torch": "2.1, then 2.2"} and tags["sampler"] == "grid"
    others = [{"name": "cpu", "workers": 2}]
    assert json.loads(tags["hardware"]) == {"name": "cpu", "workers": 1, "sessions": 3, "others": others}
    assert json.loads(tags["importances"]) == {"evaluator": "fanova", "values": {"lora.r": 1.0}, "trials": 8}
    reused = {"trials": 1, "steps": 3}
    assert json.loads(tags["reused"]) == reused
    told = {"order": 0, "why": "it is cheap", "numbers": {"values": {"r=8": 1.0}}, "reused": reused}
    assert json.loads(tags["numbers.search"]) == told
    prints = ("data.validation", "data.content", "tokenizer")
    assert [calm["a"][5].get(key) for key in prints] == ["aaa", "ccc", "bbb"] and "tokenizer" not in calm["a"][4]
    assert [calm["b"][5].get(key) for key in prints] == [None, "ccc", None]


def test_the_log_and_mlflow_tell_the_same_sweep(experiment: tuple[MlflowClient, str], tmp_path: Path) -> None:
    lived(*experiment, story(), every=1000)
    shown, logged = recording.read(experiment[0], tmp_path.name, "s"), recorded(Ledger("s", story()))
    assert repr(shown.records) == repr(logged.records) and logged.tags.items() <= shown.tags.items()
    assert (shown.started, shown.ended) == (logged.started, logged.ended) == (1000.0, logged.ended)
    for trial in "abcd":
        assert repr(shown.curve(trial)) == repr(logged.curve(trial))
        for metric in ("eval_loss", "loss", "grad_norm", "nothing"):
            assert repr(shown.points(trial, metric)) == repr(logged.points(trial, metric))


@pytest.mark.parametrize("every", [1, 3, 7])
def test_bit_by_bit_is_the_same(experiment: tuple[MlflowClient, str], calm: dict[str, Any], every: int) -> None:
    lived(*experiment, story(), every)
    assert held(*experiment) == calm


def test_a_call_that_fails_anywhere_changes_nothing(
    uri: str, tmp_path_factory: pytest.TempPathFactory, calm: dict[str, Any]
) -> None:
    for after in (False, True):
        for fails_at in itertools.count(1, 2 if after else 3):
            folder = tmp_path_factory.mktemp("flaky")
            client, experiment = tracking.connect(uri, folder.name, folder.as_uri())
            flaky = Flaky(client, fails_at, after)
            lived(flaky, experiment, story(), every=9)
            assert held(client, experiment) == calm, (fails_at, after)
            if flaky.calls < fails_at:
                break


def test_a_new_process_goes_on_where_the_last_one_stopped(
    experiment: tuple[MlflowClient, str], calm: dict[str, Any]
) -> None:
    records = story()
    for stop in range(1, len(records), 5):
        lived(*experiment, records[:stop], every=1000)
    lived(*experiment, records, every=1000)
    assert held(*experiment) == calm
    deleted = experiment[0].search_runs([experiment[1]], run_view_type=2)
    # The first attempt of the one counts for nothing; the other goes on under parameters that MLflow cannot change.
    assert {run.data.tags["trial"] for run in deleted} == {"c", "b"}
    again = lived(*experiment, records, every=1000)
    assert not +again.did


def test_runs_that_are_removed_come_back_the_same(experiment: tuple[MlflowClient, str], calm: dict[str, Any]) -> None:
    lived(*experiment, story(), every=4)
    assert remove(*experiment, "s") == 5 and held(*experiment) == {}
    lived(*experiment, story(), every=1000)
    assert held(*experiment) == calm


def test_what_mlflow_never_takes_keeps_nobody_waiting(experiment: tuple[MlflowClient, str]) -> None:
    records = story()
    wrong = [item for item in records if item["event"] == "logged" and item["trial"] == "c"][-1]
    wrong["values"] = {"loss?!": 1.0}
    delivery = lived(*experiment, records, every=1000)
    assert set(delivery.refused) == {"c"} and "loss?!" in delivery.refused["c"]
    assert {"a", "b", "d", "the sweep"} <= set(held(*experiment))


def test_the_leaderboard_needs_no_mlflow(experiment: tuple[MlflowClient, str], tmp_path: Path) -> None:
    lived(*experiment, story(), every=1000)
    assert Ledger("s", story()).records == read_sweep(experiment[0], tmp_path.name, "s")


def test_optunas_storage_follows_the_log_and_gets_nothing_twice(tmp_path: Path) -> None:
    records = story()
    for stop in (*range(1, len(records), 4), len(records)):
        mirror = Mirror(lambda: RDBStorage(f"sqlite:///{tmp_path}/live.db"), Copies("s"))
        for record in records[:stop]:
            mirror.take(record)
            deliver(mirror)
    anew = Mirror(lambda: RDBStorage(f"sqlite:///{tmp_path}/anew.db"), Copies("s", records))
    deliver(anew)
    (live,) = studies(tmp_path / "live.db").values()
    assert studies(tmp_path / "anew.db") == {"s": live} and anew.did["trials added"] == 4
    assert [item["_user_attrs"]["trial"] for item in live] == ["a", "b", "c", "d"]
    assert live[0]["_datetime_start"].timestamp() == pytest.approx(1000.7)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield


def test_a_database_is_there_with_all_its_tables_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow makes its tables one by one, and cannot open what was left half-made."""
    uri, real = f"sqlite:///{tmp_path / 'mlflow.db'}", utils._initialize_tables

    def killed(engine: sqlalchemy.Engine) -> None:
        real(engine)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE runs"))
        raise KeyboardInterrupt

    monkeypatch.setattr(utils, "_initialize_tables", killed)
    with pytest.raises(KeyboardInterrupt):
        tracking.connect(uri, "e", str(tmp_path))
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    (tmp_path / "mlflow.db.77").write_text("of a process that was killed")
    client, experiment = tracking.connect(uri, "e", str(tmp_path))
    assert client.create_run(experiment).info.status == "RUNNING"
    assert client.get_experiment_by_name("e").artifact_location == str(tmp_path)
