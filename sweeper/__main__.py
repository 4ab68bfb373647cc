"""`python -m sweeper` is `lora-sweep`."""

from sweeper.cli import main

main()
