"""A store that does not answer holds nobody up, is said to, and gets everything in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from shell import wait_for

from sweeper.courier import Courier


class Store:
    """A destination that can be down, or hang."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.taken: list[Any] = []
        self.arrived: list[Any] = []
        self.down, self.tries = False, 0
        self.goes_on = threading.Event()
        self.goes_on.set()

    def take(self, record: Any) -> None:
        self.taken.append(record["number"])

    def deliver(self) -> Iterator[None]:
        self.tries += 1
        self.goes_on.wait()
        if self.down:
            raise OSError("postgresql://u:secret@host is down")
        self.arrived = list(self.taken)
        yield

    def forget(self) -> None:
        self.arrived = []

    @property
    def missing(self) -> str:
        return f"{len(self.taken)} things"


def test_everything_arrives_in_order() -> None:
    store = Store()
    courier = Courier("the store", store, [{"number": 0}])
    for number in range(1, 100):
        courier.apply({"number": number})
    assert courier.finish(patience_s=5) is None and store.arrived == list(range(100))
    assert courier.said() == []


def test_a_store_that_is_down_is_told_once_and_back_once() -> None:
    store = Store()
    store.down = True
    courier = Courier("the store", store, [])
    courier.apply({"number": 1})
    wait_for(lambda: store.tries > 1)
    (line,) = courier.said()
    assert line.startswith("the store does not answer (OSError: postgresql://u:***@host is down)")
    store.down = False
    assert courier.finish(patience_s=60) is None and store.arrived == [1]
    assert courier.said() == ["the store answers again."]


def test_nobody_waits_for_ever(monkeypatch: Any) -> None:
    store = Store()
    store.down = True
    courier = Courier("the store", store, [{"number": 1}])
    assert courier.finish(patience_s=0.1) == "1 things"
    hanging = Store()
    hanging.goes_on.clear()
    monkeypatch.setattr("sweeper.courier._HANGS_S", 0.1)
    assert Courier("the store", hanging, [{"number": 1}]).finish(patience_s=0.1) == "1 things"


def test_who_fails_at_the_same_point_for_ever_is_not_waited_for() -> None:
    class Halfway(Store):
        def deliver(self) -> Iterator[None]:
            self.tries += 1
            yield
            yield
            raise OSError("its artifacts cannot be written")

    store = Halfway()
    courier = Courier("the store", store, [{"number": 1}])
    assert courier.finish(patience_s=0.7) == "1 things" and store.tries > 2


def test_a_courier_that_was_given_nothing_to_do_starts_no_thread() -> None:
    before = threading.active_count()
    Courier("the store", Store(), [])
    assert threading.active_count() == before
