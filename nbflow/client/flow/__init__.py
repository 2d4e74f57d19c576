"""Flows: the user's handle of one, its scheduler's process and the socket to it, its directories, its end."""
