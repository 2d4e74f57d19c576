"""Figures of nbflow beside the standard library's process pool, loky, Dask, Parsl and Ray, measured in turn in one run.

    make bench          two minutes: nbflow and the pool, and every bar that needs no other peer
    make bench-peers    a quarter of an hour: all peers; writes benchmarks/results/ and the README's table
    make bench-scale    a few minutes: a million tasks, and the core alone with 10,000 workers
    make bench-faults   a minute: how long the promised ends take

The way of a figure:

    catalogue ── which work, how much of it ──> rounds ── one line of JSON ──> peers/serve, a process for each peer
    results <── seconds, round by round ──────────┘  <── one line of JSON ──── peers/workloads on peers/on_*.py
       └──> bars (reached or not), report (Markdown), plots (PNG)

Machines differ and are shared: ratios and medians count, seconds do not. No test has a time in it.
"""
