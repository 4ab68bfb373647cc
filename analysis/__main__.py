"""`python -m analysis` is `lora-report`."""

from analysis.cli import main

main()
