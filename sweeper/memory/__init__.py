"""How much memory one trial takes at its peak, told from shapes alone."""
