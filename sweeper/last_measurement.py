"""Has a worker measure what a sweep lacks of tests; whatever hinders it is told, and the sweep is none the worse."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Any

from sweeper.executors import Executor
from sweeper.final_test import Due, Plan
from sweeper.interruption import Interruption
from sweeper.say import say
from trainers.seam import Command, Failed, Lost, Test, Tested

_POLL_S = 0.2


class UnmeasuredError(Exception):
    """A test could not be had; the message says why."""


def records(made: Plan, executor: Callable[[], Executor], interruption: Interruption) -> Iterator[dict[str, Any]]:
    """Measures one after the other.

    Args:
        made: What is missing.
        executor: Opens the workers, or returns those that are open: of these one is asked.
        interruption: A request to stop is obeyed at once.

    Yields:
        The record of each test, until one fails.
    """
    if made.said:
        say(made.said)
    if made.due:
        rows = made.due[0].rows
        say(f"Measuring the winner on the test rows: {rows.count} of {rows.source}")
    for due in made.due:
        found = _obtained(due, executor, interruption)
        if found is None:
            return
        yield found


def _obtained(due: Due, executor: Callable[[], Executor], interruption: Interruption) -> dict[str, Any] | None:
    try:
        with interruption.at_once():
            return measured(due, executor())
    except KeyboardInterrupt:
        say("Stopped while the test rows were measured. Nothing else is lost; the same command measures them.")
    except Exception as error:
        logging.getLogger(__name__).warning("The test rows could not be measured", exc_info=True)
        why = str(error).partition("\n")[0] or type(error).__name__
        say(f"The test rows could not be measured ({why}). Nothing else is lost; the same command tries again.")
    return None


def measured(due: Due, executor: Executor) -> dict[str, Any]:
    """Has one worker measure; memory that does not last is tried again with fewer rows at a time.

    Returns:
        The record of the test.

    Raises:
        UnmeasuredError: The worker died, or the reason is the trial's own.
    """
    command = due.command
    while isinstance(event := _answer(command, executor), Failed):
        size = command.config.training.per_device_eval_batch_size
        if event.outcome != "out_of_memory" or size == 1:
            raise UnmeasuredError(event.reason)
        training = dataclasses.replace(command.config.training, per_device_eval_batch_size=size // 2)
        command = dataclasses.replace(command, config=dataclasses.replace(command.config, training=training))
    if isinstance(event, Lost):
        raise UnmeasuredError(event.reason)
    facts = {**event.facts, "shared": due.rows.shared, "left_out": due.rows.left_out}
    return {**vars(event), "facts": facts, "step": due.step, "content": due.rows.content, "source": due.rows.source}


def _answer(command: Test, executor: Executor) -> Tested | Failed | Lost:
    """Sends a command to a worker that holds no trial, and waits for its answer."""
    worker, commands = executor.workers[0], list[Command]([command])
    while True:
        for event in worker.advance(commands):
            if isinstance(event, (Tested, Failed, Lost)) and event.trial == command.trial:
                return event
        commands = []
        executor.wait(_POLL_S)
