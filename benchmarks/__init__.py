"""Figures of nbflow beside the standard library's process pool, measured in turn in the same run.

`make bench` runs them. Machines differ and are shared: ratios and medians count, seconds do not. Nothing here is a
test; no test has a time in it.
"""
