"""CARRIES. How the user's functions, values and errors become bytes and come back.

Nothing here decides when; nothing here opens a socket. User code may run in every function of this floor (a pickle
runs code), so it is never called with a lock held, and never in the scheduler.
"""
