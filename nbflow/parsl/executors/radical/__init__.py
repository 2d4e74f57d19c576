"""RADICAL-Pilot."""

from nbflow.compat.executors import RadicalPilotExecutor

__all__ = ["RadicalPilotExecutor"]
