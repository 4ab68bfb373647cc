"""What a report cannot do without."""


class ReportError(Exception):
    """Something a report needs is not there; the message says what, and what to do."""
