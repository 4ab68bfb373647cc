"""What a report says of the configuration to go on with."""

from __future__ import annotations

import dataclasses

import yaml
from ranked_rows import sweep, trial

from analysis.evidence import Evidence
from analysis.patterns.pattern import Patterns
from analysis.ranking import ranked
from analysis.recorded_sweep import RecordedSweep
from analysis.records import ORIGIN, SweepRecords
from analysis.report.recommended import lines, yaml_of
from benchmarks.made_up_sweeps import evidence

SAME = "to the same last digit"


def told(records: SweepRecords, **tags: str) -> str:
    return "\n".join(lines(Evidence(RecordedSweep(records, tags), ranked(records), Patterns())))


def test_a_winner_that_was_trained_can_be_trained_again() -> None:
    assert SAME in told(sweep({4: {0: 1.0}, 8: {0: 1.2}}))


def test_a_replayed_winner_promises_no_values() -> None:
    replayed = trial(4, 0, 1.0)
    replayed = dataclasses.replace(replayed, params={**replayed.params, "trainer.name": "replay"})
    text = told(SweepRecords("s", "eval_loss", "minimize", [replayed]))
    assert SAME not in text and "so its eval loss need not be the table's" in text


def test_what_an_imported_winner_lacks_is_named_with_its_keys() -> None:
    rate = dataclasses.replace(trial(4, 0, 1.0), params={"lora.r": 4, "training.learning_rate": 1e-4})
    text = told(SweepRecords("s", "eval_loss", "minimize", [rate]), **{ORIGIN: "x.csv"})
    assert SAME not in text
    assert "Not known: the base model, the data, the number of steps." in text
    assert "imported, not known, so to be added: model.path, data.path, training.max_steps" in text


def test_the_best_of_several_seeds_is_told_from_what_to_expect() -> None:
    text = told(sweep({4: {0: 1.0, 1: 1.2}, 8: {0: 2.0, 1: 2.1}}))
    assert "the best of its 2 by luck: do not expect this value of another seed; their mean is 1.1000." in text


def test_what_mlflow_has_cut_is_left_out_and_said() -> None:
    cut = '["' + "q" * 5998
    found = evidence([{"data.validation_prompts": cut}])
    winner = found.ranking.winner
    assert winner is not None
    assert "validation_prompts" not in yaml.safe_load(yaml_of(found, winner))["data"]
    assert "MLflow keeps only the beginning of data.validation_prompts" in "\n".join(lines(found))


def test_its_comment_holds_no_password_and_no_second_line() -> None:
    found = evidence([{}], name="a\nb://u:secret@host\\x1b")
    winner = found.ranking.winner
    assert winner is not None
    text = yaml_of(found, winner)
    assert "secret" not in text and yaml.safe_load(text)["lora"]
