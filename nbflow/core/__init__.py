"""DECIDES. The pure core: what happens next to every task.

No I/O, threads, clock, random, pickle or logging lives here. The core knows numbers and sizes, never values; time
comes in as a number of seconds. See `machine` for the one door.
"""
