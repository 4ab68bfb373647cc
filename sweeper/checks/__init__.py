"""What is looked at before a trial runs: each module a question, each `check` a pure function of a scene."""
