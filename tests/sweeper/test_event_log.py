"""The log survives what a crash leaves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweeper.event_log import EventLog, read


def write(path: Path, *events: str) -> None:
    with EventLog(path) as log:
        for event in events:
            log.append(event, {"trial": "a"})


def test_records_come_back_in_order_and_with_time(tmp_path: Path) -> None:
    write(tmp_path / "e.jsonl", "one", "two")
    records = read(tmp_path / "e.jsonl")
    assert [record["event"] for record in records] == ["one", "two"]
    assert records[0]["time"] > 1_700_000_000


@pytest.mark.parametrize("torn", [b'{"event": "thr', b'{"event": "three"}', b"\x00\x00\x00", b"{}garbage\n", b"[1]\n"])
def test_a_torn_tail_is_cut_and_writing_goes_on(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "e.jsonl"
    write(path, "one", "two")
    with path.open("ab") as file:
        file.write(torn)
    assert [record["event"] for record in read(path)] == ["one", "two"]
    write(path, "three")
    assert [record["event"] for record in read(path)] == ["one", "two", "three"]


def test_what_append_returns_is_what_a_reader_sees(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e.jsonl") as log:
        record = log.append("rung", {"values": {"loss": math.inf}, "pair": (1, 2)})
    assert read(tmp_path / "e.jsonl") == [record]
    assert record["pair"] == [1, 2] and record["values"]["loss"] == math.inf


def test_a_record_is_on_disk_before_append_returns(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e.jsonl") as log:
        log.append("one", {})
        assert len(read(tmp_path / "e.jsonl")) == 1
