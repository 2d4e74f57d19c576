"""Tasks: where the user's functions and commands run, on a worker's process or on a thread of the user's own."""
