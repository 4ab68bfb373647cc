"""What cannot be said, by name and with its numbers."""

from __future__ import annotations

import dataclasses
import itertools

from patterned import DROPOUT, RATE, SCHEDULER, R, document_003, effect, limits, patterns, ranking, sweep, trial

from analysis.patterns.found import found


def grid(**axes: tuple) -> list:
    """All combinations of axes, keys with `__`; values without a pattern."""
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return [trial(at, 1 + (at * 7 % 11) / 100, **point) for at, point in enumerate(points)]


def test_document_003_is_said_to_be_confounded_too_small_and_held() -> None:
    told = patterns(document_003(), tags={"origin": "003.csv"})
    by_hand, joint = limits(told, "confounded")
    assert by_hand.startswith("lora.alpha, lora.r and gain are confounded")
    assert "lora.r=16: 4; lora.r=24: 2, 2.667; lora.r=32: 1.5, 2" in by_hand
    assert joint.startswith("lora.dropout, lora.r and training.lr_scheduler_type cannot be separated")
    assert "lora.r=16 completed only with training.lr_scheduler_type=cosine" in joint
    assert any("lora.dropout=0.1 completed in one configuration only" in words for words in limits(told, "seen_once"))
    assert limits(told, "single_level") == [
        "data.name was augmented throughout, so that nothing is known of its effect"
    ]
    assert limits(told, "few_points")[0].startswith("5 configurations for 6 coefficients")
    assert limits(told, "no_seeds")
    levels = [level for one in told.effects for level in one.levels]
    assert all(level.interval is None and level.difference_interval is None for level in levels)
    assert not effect(told, R).separable
    assert not effect(told, DROPOUT).separable


def test_a_full_grid_has_no_confounding() -> None:
    told = patterns(grid(lora__r=(8, 16, 32), training__learning_rate=(1e-4, 2e-4), lora__dropout=(0.0, 0.1)))
    assert limits(told, "confounded") == []
    assert all(one.separable for one in told.effects)


def test_alpha_that_follows_rank_at_a_constant_gain_is_no_factor_of_its_own() -> None:
    params = [
        {R: r, "lora.alpha": 2 * r, "lora.gain": 2.0, "lora.realised_gain": 2.0, SCHEDULER: s}
        for r in (4, 8)
        for s in "ab"
    ]
    told = patterns([trial(at, 1 + at % 3, **one) for at, one in enumerate(params)])
    assert {one.key for one in told.effects} == {R, SCHEDULER}
    assert told.notes == ("lora.alpha follows lora.r at a constant gain of 2",)
    assert limits(told, "confounded") == []


def test_alpha_rounded_to_whole_numbers_does_not_make_the_gain_vary() -> None:
    params = [
        {R: r, "lora.alpha": round(1.5 * r), "lora.gain": 1.5, "lora.realised_gain": round(1.5 * r) / r}
        for r in (3, 8, 9)
    ]
    told = patterns([trial(at, 1 + at, **one) for at, one in enumerate(params)])
    assert [one.key for one in told.effects] == [R]


def test_one_alpha_at_every_rank_makes_gain_follow_rank() -> None:
    told = patterns([trial(at, 1 + at, **{R: r, "lora.alpha": 16}) for at, r in enumerate((4, 8, 16))])
    assert [one.key for one in told.effects] == [R]
    (words,) = limits(told, "confounded")
    assert words.startswith("lora.r and gain are confounded")
    assert "from 1 to 4" in words


def test_a_gain_that_was_swept_is_a_factor_and_named_by_its_key() -> None:
    trials = grid(lora__r=(4, 8), lora__gain=(1.0, 2.0, 4.0))
    trials = [
        dataclasses.replace(row, params={**row.params, "lora.alpha": row.params[R] * row.params["lora.gain"]})
        for row in trials
    ]
    told = patterns(trials)
    assert {one.key for one in told.effects} == {R, "lora.gain"}
    assert limits(told, "confounded") == []


def test_two_factors_that_changed_together_are_inseparable_and_the_third_is_not() -> None:
    trials = grid(lora__r=(4, 8, 16), lora__dropout=(0.0, 0.1))
    trials = [
        dataclasses.replace(row, params={**row.params, RATE: {4: 4e-4, 8: 2e-4, 16: 1e-4}[row.params[R]]})
        for row in trials
    ]
    told = patterns(trials)
    (words,) = limits(told, "confounded")
    assert "lora.r and training.learning_rate cannot be separated" in words
    assert (effect(told, R).separable, effect(told, RATE).separable, effect(told, DROPOUT).separable) == (
        False,
        False,
        True,
    )
    assert effect(told, DROPOUT).p is not None


def test_factors_that_nearly_changed_together_are_named_but_stay_apart() -> None:
    trials = [
        trial(at, 1 + (at * 7 % 11) / 100, **{SCHEDULER: "ab"[at % 2], R: 8 if (at % 2 == 0) != (at == 0) else 16})
        for at in range(40)
    ]
    told = patterns(trials)
    (words,) = limits(told, "confounded")
    assert "nearly confounded" in words
    assert effect(told, R).separable


def test_what_comes_with_a_name_is_told_with_it() -> None:
    params = [{"data.name": name, "data.path": f"{name}.jsonl", "data.subset": None} for name in ("mine", "yours")]
    told = patterns([trial(at, 1 + at, **one) for at, one in enumerate(params)])
    (only,) = told.effects
    assert (only.key, only.told_with) == ("data.name", ("data.path",))


def test_a_schedulers_own_settings_make_it_another_scheduler() -> None:
    knobs = [("linear", {}), ("cosine_with_min_lr", {"min_lr_rate": 0.1}), ("cosine_with_min_lr", {"min_lr_rate": 0.2})]
    told = patterns(
        [trial(at, 1 + at, **{SCHEDULER: s, "training.lr_scheduler_kwargs": k}) for at, (s, k) in enumerate(knobs)]
    )
    (only,) = told.effects
    assert [level.words for level in only.levels] == [
        "cosine_with_min_lr (min_lr_rate=0.1)",
        "cosine_with_min_lr (min_lr_rate=0.2)",
        "linear",
    ]


def edge_of(values: dict[float, float], key: str, tied: tuple[str, ...] = ()) -> list[str]:
    recorded, places = sweep([trial(at, loss, **{key: value}) for at, (value, loss) in enumerate(values.items())])
    first, *others = places.places
    places = dataclasses.replace(places, places=(dataclasses.replace(first, tied_with=tied), *others))
    return [limit.words for limit in found(recorded, places).limits if limit.kind == "edge"]


def test_a_winner_at_the_end_of_what_was_tried_is_named_with_the_next_value() -> None:
    (up,) = edge_of({1e-4: 1.3, 2e-4: 1.2, 4e-4: 1.1}, RATE)
    assert "largest" in up
    assert up.endswith("try training.learning_rate=0.0008")
    (down,) = edge_of({8: 1.1, 16: 1.2, 32: 1.3}, R)
    assert down.endswith("try lora.r=4")
    (even,) = edge_of({16: 1.3, 24: 1.2, 32: 1.1}, R)
    assert even.endswith("try lora.r=40")
    (tied,) = edge_of({1e-4: 1.3, 2e-4: 1.2, 4e-4: 1.1}, RATE, tied=("exp1",))
    assert tied.endswith("(exp1, tied with it, not at this end)")


def test_a_winner_in_the_middle_or_at_a_natural_bound_is_at_no_edge() -> None:
    assert edge_of({1e-4: 1.3, 2e-4: 1.1, 4e-4: 1.2}, RATE) == []
    assert edge_of({0.0: 1.1, 0.05: 1.2, 0.1: 1.3}, DROPOUT) == []


def test_failed_trials_are_counted_by_kind_and_where_they_concentrate() -> None:
    fine = [trial(at, 1 + at / 100, **{R: (4, 8, 16)[at % 3], RATE: 1e-4 if at < 6 else 2e-4}) for at in range(12)]
    bad = [
        trial(12 + at, None, ("diverged", "out_of_memory")[at == 5], **{R: (4, 8, 16)[at % 3], RATE: 8e-4})
        for at in range(6)
    ]
    told = patterns([*fine, *bad])
    overall, where, gone = limits(told, "infeasible")
    assert overall.startswith("6 of 18 trials (33 %) have no value to compare (5 diverged, 1 out of memory)")
    assert "training.learning_rate=0.0008: 6 of 6" in where
    assert gone.startswith("training.learning_rate=0.0008 was tried, but no configuration")


def test_who_proposed_the_values_is_told_where_results_did() -> None:
    trials = grid(lora__r=(8, 16), lora__dropout=(0.0, 0.1))
    assert limits(patterns(trials, tags={"sampler": "grid"}), "adaptive") == []
    assert limits(patterns(trials, tags={"sampler": "tpe"}), "adaptive")[0].startswith("TPE proposed values")
    assert "ran in 2 stages" in limits(patterns(trials, decisions={"rank": "8", "rate": "1e-4"}), "adaptive")[0]


def test_nothing_varied_and_nothing_at_all_are_no_error() -> None:
    assert patterns([trial(0, 1.0, **{R: 8}), trial(1, 1.1, **{R: 8})]).effects == ()
    assert patterns([]).effects == ()
    assert ranking(sweep([])[0].records).places == ()


def test_a_value_that_was_pruned_or_diverged_was_tried_too() -> None:
    fine = [trial(at, 1 + at / 100, **{R: (8, 16)[at % 2], RATE: (2e-4, 4e-4)[at // 2]}) for at in range(4)]
    assert any("smallest training.learning_rate" in words for words in limits(patterns(fine), "edge"))
    worse = [trial(4 + at, 3.0, "pruned", **{R: 8, RATE: 1e-4}) for at in range(2)]
    assert not any("learning_rate" in words for words in limits(patterns([*fine, *worse]), "edge"))


def test_stages_that_were_skipped_did_not_run() -> None:
    chose = {"rates": "2e-4 is the best", "ranks": "16 is the best", "dropout": "skipped: nothing overfits"}
    chose["scheduler"] = "sweep.max_trials=14 is used up"
    told = patterns(grid(lora__r=(8, 16)), decisions=chose)
    assert limits(told, "adaptive")[0].startswith("the sweep ran in 2 stages")


def test_what_lost_all_but_one_value_was_varied_all_the_same() -> None:
    fine = [trial(at, 1 + at / 100, **{R: (8, 16)[at], RATE: 1e-4}) for at in range(2)]
    told = patterns([*fine, *(trial(2 + at, None, "diverged", **{R: (8, 16)[at], RATE: 1.0}) for at in range(2))])
    assert not any("learning_rate" in words for words in limits(told, "single_level"))
    assert any("training.learning_rate=1 was tried, but" in words for words in limits(told, "infeasible"))


def test_coefficients_that_follow_from_others_are_not_counted() -> None:
    points = [(r, {8: 0.0, 16: 0.05, 32: 0.1}[r], rate) for r in (8, 16, 32) for rate in (1e-4, 2e-4)]
    rows = [trial(at, 1.5 + 0.01 * at**2, **{R: r, DROPOUT: d, RATE: lr}) for at, (r, d, lr) in enumerate(points)]
    assert limits(patterns(rows), "few_points")[0].startswith("6 configurations for 4 coefficients leave 2 degrees")
