"""The configuration that a report recommends."""

from __future__ import annotations

import yaml

from analysis.report.recommended import lines, yaml_of
from benchmarks.made_up_sweeps import evidence


def test_what_mlflow_has_cut_is_left_out_and_said() -> None:
    cut = '["' + "q" * 5998
    found = evidence([{"data.validation_prompts": cut}])
    winner = found.ranking.winner
    assert winner is not None
    assert "validation_prompts" not in yaml.safe_load(yaml_of(found, winner))["data"]
    assert "MLflow keeps only the beginning of data.validation_prompts" in "\n".join(lines(found))


def test_its_comment_holds_no_password_and_no_second_line() -> None:
    found = evidence([{}], name="a\nb://u:secret@host\x1b")
    winner = found.ranking.winner
    assert winner is not None
    text = yaml_of(found, winner)
    assert "secret" not in text and yaml.safe_load(text)["lora"]
