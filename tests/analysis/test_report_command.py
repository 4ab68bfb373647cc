"""Where a report goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report_command import folder_of
from analysis.report_error import ReportError


def test_a_report_belongs_in_a_folder_of_its_sweep() -> None:
    assert folder_of("mine") == Path("runs") / "mine"


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "..", ".", ""])
def test_a_strange_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ReportError, match="--output"):
        folder_of(name)
