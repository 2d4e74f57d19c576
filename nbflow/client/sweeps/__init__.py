"""Sweeps: a function over many items, as one future of all results and a future of each item."""
