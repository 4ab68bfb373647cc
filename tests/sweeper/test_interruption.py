"""A Ctrl-C is obeyed, whatever was going on when it came."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from sweeper.interruption import Eager, Interruption


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    Eager.listens()
    yield
    signal.signal(signal.SIGINT, before)


def test_one_that_an_import_swallows_ends_the_command_all_the_same() -> None:
    with contextlib.suppress(BaseException):  # as a library that tries whether it can import another
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interruption():
        pytest.fail("the sweep began")


def test_a_sweep_without_one_begins_and_one_request_is_remembered() -> None:
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested


def test_who_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Eager.listens()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
