"""PROMISES. Apps, futures and the user's handle of a flow: what runs in the process that makes the calls.

The truth about a task is in the scheduler; here are promises about it, and the user's own values.
"""
