"""The report as a whole: from MLflow alone, in the order of document 003, on a page and in one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from made_up import row, sweep_of

from analysis.cli import main
from analysis.recorded_sweep import RecordedSweep
from analysis.report.writing import write

TABLE = """name,lora.r,lora.alpha,lora.dropout,training.lr_scheduler_type,data.name,epoch,eval_loss
exp3_r24_a64_d10_linear_augmented,24,64,0.10,linear,augmented,1,1.474
exp3_r24_a64_d10_linear_augmented,,,,,,15,1.2727
exp5_r32_a64_d05_linear_augmented,32,64,0.05,linear,augmented,,1.2738
exp8_r32_a48_d05_linear_augmented,32,48,0.05,linear,augmented,,1.2876
exp1_r16_a64_d05_cosine_augmented,16,64,0.05,cosine,augmented,,1.3381
exp4_r24_a48_d05_cosine_augmented,24,48,0.05,cosine,augmented,,1.3385
"""
"""Document 003's, with the ends of its winner's curve."""

SECTIONS = [
    *("Ranking", "Winner", "Patterns per parameter", "Recommended configuration", "Alternatives"),
    *("Training characteristics", "Decisions", "What was spent", "Provenance"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Document 003's report, with a noise of 0.003."""
    folder = tmp_path_factory.mktemp("document-003")
    (folder / "003.csv").write_text(TABLE)
    store = ("--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}")
    main(["import", str(folder / "003.csv"), "--sweep", "exp3", *store])
    main(["report", "exp3", "--noise", "0.003", "--output", str(folder / "out"), *store])
    return folder / "out"


def test_it_has_document_003s_order(told: Path) -> None:
    assert re.findall(r"^## (.*)$", (told / "report.md").read_text(), re.MULTILINE) == SECTIONS


def test_document_003_comes_out_corrected(told: Path) -> None:
    text = (told / "report.md").read_text()
    ranking = text.split("## Winner")[0]
    places = re.findall(r"^\|\s+(\d) \| (exp\d)", ranking, re.MULTILINE)
    assert places == [("1", "exp3"), ("1", "exp5"), ("3", "exp8"), ("4", "exp1"), ("4", "exp4")]
    assert "tied within noise ±0.003 (stated)" in ranking
    assert "0.2013, 13.7 %" in text  # 003 says 13.4 %
    limits = text.split("### What cannot be said")[1].split("## Recommended")[0]
    assert "lora.alpha" in limits and "lora.r" in limits and "gain" in limits
    alternatives = text.split("## Alternatives")[1].split("## Training")[0]
    assert "16 instead of 24" in alternatives and "32 instead" not in alternatives  # 003's saves nothing


def test_the_page_is_one_file_with_every_picture(told: Path) -> None:
    shown = re.findall(r"!\[[^]]*\]\((figures/\w+\.svg)\)", (told / "report.md").read_text())
    page = (told / "report.html").read_text()
    assert shown and all((told / name).is_file() for name in shown)
    assert page.count("data:image/svg+xml") == len(shown) and "figures/" not in page


def test_best_yaml_holds_what_is_known_of_the_winner(told: Path) -> None:
    found = yaml.safe_load((told / "best.yaml").read_text())
    assert found["lora"] == {"r": 24, "alpha": 64, "dropout": 0.1}
    assert found["training"] == {"lr_scheduler_type": "linear"} and found["defaults"] == ["config", "_self_"]


def test_a_sweeps_own_best_yaml_stays(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").touch()
    names = {path.name for path in write(sweep_of([row(0, 1.0)]), tmp_path, formats=("md",))}
    assert "report.md" in names and not names & {"best.yaml", "report.html"}


def test_a_sweep_without_a_result_has_a_report(tmp_path: Path) -> None:
    failed = sweep_of([])
    files = write(RecordedSweep(failed.records, failed.tags), tmp_path)
    assert {path.name for path in files} == {"report.md", "report.html"}
    assert re.findall(r"^## (.*)$", (tmp_path / "report.md").read_text(), re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("noise", ["-1", "nan", "inf", "much"])
def test_a_noise_that_is_no_number_is_refused(noise: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", f"--noise={noise}"])
    assert f"{noise} is not a number of at least 0" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(told: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = f"sqlite:///{told.parent / 'mlflow.db'}"
    with pytest.raises(SystemExit, match=r"--output .*file"):
        main(["report", "exp3", "--tracking-uri", store, "--output", str(tmp_path / "file" / "out")])
