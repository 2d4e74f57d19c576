"""PROMISES. Apps, futures and the user's handle of a flow: what runs in the process that makes the calls.

The truth about a task is in the scheduler; here are promises about it, and the user's own values.

    here       the way of a call: app ──> calls ──> future, and what each of them needs
    `flow`     what a flow is to its user: its handle, its scheduler's process and the socket to it, its directories
    `sweeps`   a function over many items: one future of all results, and one of each item
    `tasks`    where the user's code runs, in a worker's process or on a thread of this one
"""
