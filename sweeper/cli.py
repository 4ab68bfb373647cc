"""`lora-sweep`. Even the imports are inside `main`, so that Ctrl-C has one answer from the first moment."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    try:
        try:
            from sweeper.interruption import Eager

            Eager.listens()
            from analysis import garbage

            garbage.seldom()
            from analysis.redaction import RedactedStream

            sys.stderr = RedactedStream(sys.stderr)
            from sweeper.application import launch

            try:
                launch()
            finally:
                garbage.no_more()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before a sweep has begun, or the second Ctrl-C: what is recorded stays
        print("lora-sweep: stopped; the same command continues", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # nobody reads any more, as behind `lora-sweep --help | head`: no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
