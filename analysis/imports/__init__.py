"""Runs that this tool did not make: read, checked as a whole, and recorded as a sweep in MLflow."""
