"""A worker process: obeys commands from a pipe until the pipe closes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sweeper.executors.devices import Device
from sweeper.executors.tied import leave_signals_to_the_driver, redirect, tie
from trainers import registry
from trainers.seam import Worker


@dataclass(frozen=True)
class Assignment:
    """What a worker process is for; `driver` is its parent's process id where it was spawned, not forked."""

    trainer: str
    resources: registry.Resources
    device: Device
    driver: int
    log: str


def main(connection: Connection, assignment: Assignment) -> None:
    """Runs a trainer behind a pipe.

    Args:
        connection: Receives sequences of commands, sends events.
        assignment: Which trainer, on what, for whom.
    """
    server = sys.modules.get("sweeper.executors.fork_server")
    if server is not None:
        tie(server.PID)
    else:
        tie(assignment.driver)
        redirect(assignment.log, 1, 2)
    leave_signals_to_the_driver()
    assignment.device.claim()
    serve(connection, registry.make(assignment.trainer, assignment.resources))


def serve(connection: Connection, trainer: Worker) -> None:
    """Passes commands in and events out, until nobody is at the other end."""
    while True:
        try:
            commands = connection.recv()
        except EOFError:
            return
        for event in trainer.advance(commands):
            connection.send(event)
