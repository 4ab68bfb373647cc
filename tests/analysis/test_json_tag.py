"""Tags are cut where they are too long, and anybody may change them."""

from __future__ import annotations

import pytest

from analysis.json_tag import mapping


@pytest.mark.parametrize("text", ['{"values": {"lora.r": 0.', "[1]", "null", ""])
def test_what_is_no_mapping_is_not_known(text: str) -> None:
    assert mapping({"numbers.rank": text}, "numbers.rank") == {}


def test_a_mapping_is_read() -> None:
    assert mapping({"reused": '{"trials": 2}'}, "reused") == {"trials": 2}
    assert mapping({}, "reused") == {}
