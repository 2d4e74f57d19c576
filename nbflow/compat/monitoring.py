"""Parsl's monitoring, as far as a configuration names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbflow.checking import Description, flag, number


@dataclass(frozen=True, repr=False)
class MonitoringHub(Description):
    """What Parsl's monitoring would record, and where: inert. The live graph and the log take its place.

    Raises:
        ConfigurationError: a field is unknown, or has a value that is not allowed.
    """

    hub_address: Any = None
    hub_port_range: Any = None
    hub_port: Any = None
    workflow_name: str | None = None
    workflow_version: str | None = None
    logging_endpoint: str | None = None
    monitoring_debug: bool = False
    resource_monitoring_enabled: bool = True
    resource_monitoring_interval: float = 30

    def __post_init__(self) -> None:
        self._keep("monitoring_debug", flag)
        self._keep("resource_monitoring_enabled", flag)
        self._keep("resource_monitoring_interval", number, least=0)
        super().__post_init__()
