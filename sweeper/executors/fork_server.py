"""What the fork server does before it forks: tie itself, speak into the log, import the heavy libraries once.

Only the fork server ever imports this module: it is the one that `sweeper.executors.local` has it preload.
"""

from __future__ import annotations

import gc
import importlib
import os

from sweeper.executors.tied import leave_signals_to_the_driver, redirect, tie

DRIVER = "LORA_SWEEPER_DRIVER"
LOG = "LORA_SWEEPER_LOG"
PRELOAD = "LORA_SWEEPER_PRELOAD"

PID = os.getpid()

if DRIVER in os.environ:
    leave_signals_to_the_driver()
    tie(int(os.environ[DRIVER]))
    redirect(os.environ[LOG], 1, 2)
    gc.disable()  # imports leave no garbage: looking for it costs half a second
    for module in filter(None, os.environ[PRELOAD].split(",")):
        importlib.import_module(module)
    gc.enable()
    gc.freeze()  # children then share these pages instead of copying them at their first collection
