"""Telemetry, of which there is none."""
