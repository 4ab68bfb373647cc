"""An alternative is truly cheaper, and says by how much it is worse."""

from __future__ import annotations

import pytest
from made_up import evidence_of, places_of, row

from analysis.alternatives import alternatives
from analysis.costs import costs
from analysis.pareto import front
from analysis.report.alternatives import lines


def test_nothing_on_the_front_is_beaten() -> None:
    points = {"a": (1.0, 9.0), "b": (2.0, 5.0), "c": (2.5, 5.0), "d": (3.0, 1.0), "e": (3.0, 9.0), "a2": (1.0, 9.0)}
    assert front(points) == ["a", "a2", "b", "d"]
    assert front({}) == []


def test_the_least_of_each_cost_and_the_least_that_is_tied() -> None:
    rows = [
        row(0, 1.00, {"lora.r": 16}, seconds=100.0, trainable_parameters=1600, peak_memory_mib=900.0),
        row(1, 1.01, {"lora.r": 8}, seconds=80.0, trainable_parameters=800, peak_memory_mib=800.0),
        row(2, 1.30, {"lora.r": 4}, seconds=99.0, trainable_parameters=400, peak_memory_mib=1000.0),
    ]
    found = [
        (item.cost.key, item.kind, item.place.configuration.name) for item in alternatives(places_of(rows, tied=2))
    ]
    assert found == [
        ("peak_memory_mib", "least", "exp2"),
        ("seconds", "least", "exp2"),
        ("trainable_parameters", "tied", "exp2"),
        ("trainable_parameters", "least", "exp3"),
    ]


@pytest.mark.parametrize(("seconds", "is_faster"), [(92.0, False), (88.0, True)])
def test_a_hair_less_time_is_no_alternative(seconds: float, is_faster: bool) -> None:
    rows = [row(0, 1.0, seconds=100.0), row(1, 1.1, {"lora.r": 16}, seconds=seconds)]
    assert any(item.cost.key == "seconds" for item in alternatives(places_of(rows))) == is_faster


def test_what_a_pack_used_is_nobodys_memory() -> None:
    packed = {"trainer.name": "packed", "pack.slots": 4}
    rows = [
        row(0, 1.0, packed, peak_memory_mib=900.0, seconds=9.0),
        row(1, 1.1, {**packed, "lora.r": 4}, peak_memory_mib=100.0, seconds=3.0),
    ]
    assert {cost.key for cost in costs(places_of(rows))} == {"lora.r"}
    text = "\n".join(lines(evidence_of(rows)))
    assert "- Memory is not compared: trials shared their passes" in text
    assert "- Time is not compared: how long a shared pass takes depends on who shares it." in text


def test_where_time_says_nothing_a_shorter_run_is_told_by_its_rows() -> None:
    batch = {"training.per_device_train_batch_size": 8, "training.gradient_accumulation_steps": 2, "pack.slots": 4}
    rows = [row(0, 1.0, batch, steps=100.0), row(1, 1.1, {**batch, "lora.r": 4}, steps=50.0)]
    text = "\n".join(lines(evidence_of(rows)))
    assert "| Shortest, by the rows trained on | exp2          |     2 | 800 instead of 1,600" in text


def test_without_figures_rank_stands_in_and_the_report_says_so() -> None:
    rows = [row(0, 1.2727, {"lora.r": 24}), row(1, 1.2738, {"lora.r": 32}), row(2, 1.3381, {"lora.r": 16})]
    text = "\n".join(lines(evidence_of(rows)))
    assert "| Smallest adapter, by rank | exp3          |     3 | 16 instead of 24" in text
    assert "exp2" not in text.split("Pareto")[0]  # document 003's alternative for little memory had the higher rank
    assert "judged by rank: the number of trainable parameters is not recorded" in text
    assert "Memory is not compared: no figure is recorded; the rank says what the adapter adds to it." in text


def test_a_winner_that_is_the_least_has_no_alternative() -> None:
    rows = [row(0, 1.0, {"lora.r": 4}), row(1, 1.1, {"lora.r": 8})]
    text = "\n".join(lines(evidence_of(rows)))
    assert "- Rank: nothing is clearly below the winner's 4." in text
    assert "against rank: one configuration." in text
