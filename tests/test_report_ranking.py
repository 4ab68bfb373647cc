"""The benchmark of the ranking, on a few sweeps: what it prints is what the report promises."""

from __future__ import annotations

import pytest

from benchmarks.report_ranking import SETTINGS, rows


@pytest.mark.parametrize("setting", [SETTINGS[0], SETTINGS[2], SETTINGS[4]], ids=lambda setting: setting.name)
def test_intervals_cover_and_equals_do_not_win(setting: object) -> None:
    (line,) = rows(setting, (3, 6), (3,), 60)  # type: ignore[arg-type]
    interval, all_pairs, _, _, false_win = (float(cell.removesuffix(" %")) for cell in line[1:6])
    assert 90 <= interval <= 98 and all_pairs >= 90 and false_win < 5
    assert abs(float(line[7])) < abs(float(line[6]))  # what luck flatters is taken back
