"""A worker process: obeys commands from a pipe until the pipe closes."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

from sweeper.executors.tied import redirect, tie
from trainers import registry
from trainers.seam import Worker


def main(connection: Connection, trainer: str, resources: registry.Resources, driver: int, log: str) -> None:
    """Runs a trainer behind a pipe.

    Args:
        connection: Receives sequences of commands, sends events.
        trainer: The trainer's name.
        resources: What the trainer may use.
        driver: The driver's process id, the parent of a worker that was spawned.
        log: The file that takes what a spawned worker prints; a forked one inherits it.
    """
    server = sys.modules.get("sweeper.executors.fork_server")
    if server is not None:
        tie(server.PID)
    else:
        tie(driver)
        redirect(log)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    serve(connection, registry.make(trainer, resources))


def serve(connection: Connection, trainer: Worker) -> None:
    """Passes commands in and events out, until nobody is at the other end."""
    while True:
        try:
            commands = connection.recv()
        except EOFError:
            return
        for event in trainer.advance(commands):
            connection.send(event)
