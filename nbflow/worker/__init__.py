"""RUNS. A process that runs the user's code, one task at a time, and speaks with the scheduler.

Imported by nobody: started by module name.
"""
