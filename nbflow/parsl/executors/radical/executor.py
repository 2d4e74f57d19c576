"""The RADICAL-Pilot executor, refused when made."""

from nbflow.compat.executors import RadicalPilotExecutor

__all__ = ["RadicalPilotExecutor"]
