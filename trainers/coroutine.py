"""Lets a blocking function wait for its caller in the middle: `yield` for code that is no generator.

transformers' Trainer runs its own loop and calls back. At a rung the callback must wait for the driver's decision;
here it is suspended inside the callback, in the same thread, and goes on when the decision is there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import greenlet
import numpy as np
import torch

Sent = TypeVar("Sent")
Got = TypeVar("Got")


class Coroutine(Generic[Sent, Got]):
    """Runs `body(exchange)`; every `exchange(value)` in it hands a value out and returns the answer.

    The random states of Python, NumPy and torch are put back when the body goes on, so that what the caller does
    meanwhile in the same process changes nothing.
    """

    def __init__(self, body: Callable[[Callable[[Got], Sent]], Got]) -> None:
        self._greenlet = greenlet.greenlet(lambda: body(self._exchange))
        self._caller: Any = None

    def resume(self, answer: Sent | None = None) -> Got:
        """Goes on until the body hands out its next value, or returns.

        Args:
            answer: What the body's `exchange` returns; nothing the first time.

        Returns:
            The value handed out, or the body's own result when `finished`.
        """
        self._caller = greenlet.getcurrent()
        self._greenlet.parent = self._caller
        value: Got = self._greenlet.switch(*([] if answer is None else [answer]))
        return value

    @property
    def finished(self) -> bool:
        """True once the body has returned."""
        return bool(self._greenlet.dead)

    def _exchange(self, value: Got) -> Sent:
        states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        answer: Sent = self._caller.switch(value)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        return answer
