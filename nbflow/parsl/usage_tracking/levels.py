"""Parsl's levels of telemetry. There is none here, whatever is asked for."""

from __future__ import annotations

DISABLED = 0
LEVEL_1 = 1
LEVEL_2 = 2
LEVEL_3 = 3
