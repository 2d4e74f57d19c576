"""Monitoring, inert."""

from nbflow.compat.monitoring import MonitoringHub

__all__ = ["MonitoringHub"]
