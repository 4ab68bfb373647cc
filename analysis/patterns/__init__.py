"""What each parameter of a sweep did, and what its design does not tell."""
