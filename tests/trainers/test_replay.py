"""Recorded curves, played through the seam."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.replay import ReplayTrainer, read_table
from trainers.seam import Began, Ended, Failed, GoOn, Rung, Start, Stop
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig


def config(r: int = 8, learning_rate: float = 1e-4, seed: int = 42, quantization: str = "none") -> TrialConfig:
    return TrialConfig(
        Model("m", "p"),
        Quantization(quantization),
        Lora(r, 2 * r),
        Data("d", "p"),
        Training(learning_rate, seed=seed),  # type: ignore[arg-type]
    )


def trainer(tmp_path: Path, text: str) -> ReplayTrainer:
    (tmp_path / "t.csv").write_text(text)
    return ReplayTrainer(read_table(str(tmp_path / "t.csv")))


def test_a_curve_is_played_rung_by_rung(tmp_path: Path) -> None:
    made = trainer(tmp_path, "lora.r,step,eval_loss,acc,seconds\n8,20,1.5,0.2,4\n8,10,2.0,0.1,2\n")
    assert list(made.advance([Start("a", config(), "")])) == [
        Began("a", 20, {"trainer": "replay", "device": "replay"}),
        Rung("a", 10, {"eval_loss": 2.0, "acc": 0.1}),
    ]
    assert list(made.advance([GoOn("a")])) == [Rung("a", 20, {"eval_loss": 1.5, "acc": 0.2})]
    assert list(made.advance([Stop("a")])) == [Ended("a", 20, 4.0)]


def test_a_stopped_trial_has_cost_its_share(tmp_path: Path) -> None:
    made = trainer(tmp_path, "lora.r,step,eval_loss,seconds\n8,20,1.5,4\n8,10,2.0,\n")
    list(made.advance([Start("a", config(), "")]))
    assert list(made.advance([Stop("a")])) == [Ended("a", 10, 2.0)]


def test_without_step_a_row_is_a_finished_trial(tmp_path: Path) -> None:
    made = trainer(tmp_path, "lora.r,eval_loss\n8,1.5\n16,1.4\n")
    events = list(made.advance([Start("a", config(16), "")]))
    assert events == [Began("a", 1, {"trainer": "replay", "device": "replay"}), Rung("a", 1, {"eval_loss": 1.4})]
    (end,) = made.advance([Stop("a")])
    assert isinstance(end, Ended) and end.seconds is None


@pytest.mark.parametrize("written", ["1e-4", "0.0001", "1.0E-04"])
def test_numbers_are_compared_as_numbers(tmp_path: Path, written: str) -> None:
    made = trainer(tmp_path, f"training.learning_rate,eval_loss\n{written},1.5\n")
    assert isinstance(next(made.advance([Start("a", config(), "")])), Began)


def test_seed_and_group_columns(tmp_path: Path) -> None:
    made = trainer(tmp_path, "quantization,seed,eval_loss\nnf4,1,1.5\nnone,1,1.4\nnf4,2,1.3\n")
    _, rung = made.advance([Start("a", config(seed=2, quantization="nf4"), "")])
    assert isinstance(rung, Rung) and rung.values == {"eval_loss": 1.3}


def test_a_missing_configuration_fails_and_names_the_nearest(tmp_path: Path) -> None:
    made = trainer(tmp_path, "lora.r,training.learning_rate,eval_loss\n8,1e-4,1\n16,1e-4,1\n64,1e-4,1\n256,1e-4,1\n")
    (failure,) = made.advance([Start("a", config(32), "")])
    assert isinstance(failure, Failed) and failure.outcome == "failed"
    assert failure.reason.startswith(
        "the table has no row for lora.r=32, training.learning_rate=0.0001; nearest: lora.r="
    )
    assert "lora.r=256" not in failure.reason


def test_unknown_columns_are_found(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("lora.rank,lora.r,seed,model,lora.kwargs.use_dora,eval_loss\n8,8,1,m,true,1\n")
    assert read_table(str(tmp_path / "t.csv")).unknown(config()) == ["lora.rank"]


@pytest.mark.parametrize("rows", ["8,1,1\n8,1,2\n", "8,,1\n", "8,one,1\n", "8,1,good\n"])
def test_what_is_no_curve_is_refused(tmp_path: Path, rows: str) -> None:
    (tmp_path / "t.csv").write_text(f"lora.r,step,eval_loss\n{rows}")
    with pytest.raises(ValueError, match=r"step|float"):
        read_table(str(tmp_path / "t.csv"))


def test_trials_play_side_by_side(tmp_path: Path) -> None:
    made = trainer(tmp_path, "lora.r,step,eval_loss\n8,1,1\n8,2,2\n16,1,3\n16,2,4\n")
    events = list(made.advance([Start("a", config(8), ""), Start("b", config(16), "")]))
    assert [event.values["eval_loss"] for event in events if isinstance(event, Rung)] == [1, 3]
    events = list(made.advance([GoOn("b"), Stop("a")]))
    assert isinstance(events[0], Rung) and events[0].values == {"eval_loss": 4} and isinstance(events[1], Ended)
