"""Few rows are not grouped by length, whatever is asked."""

from __future__ import annotations

import pytest
from made_up_scenes import scene
from transformers.trainer_pt_utils import get_length_grouped_indices

from sweeper.checks.grouping import check


@pytest.mark.parametrize(("rows_a_step", "is_grouped"), [(125, True), (126, False)])
def test_a_thousand_rows_are_eight_steps_of_125(rows_a_step: int, is_grouped: bool) -> None:
    asked = {"train_sampling_strategy": "group_by_length", "per_device_train_batch_size": rows_a_step}
    assert (list(check(scene(**asked))) == []) == is_grouped
    assert list(check(scene(per_device_train_batch_size=rows_a_step))) == []
    lengths = [number % 97 for number in range(1000)]
    order = [lengths[at] for at in get_length_grouped_indices(lengths, rows_a_step)]
    steps = [order[begin : begin + rows_a_step] for begin in range(0, 1000 - rows_a_step, rows_a_step)]
    spread = max(max(step) - min(step) for step in steps)
    assert (spread < 90) == is_grouped
