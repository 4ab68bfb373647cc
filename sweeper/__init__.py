"""Decides which trials run, in what order, and when one stops."""
