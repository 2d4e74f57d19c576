"""What a log configuration must have."""

from nbflow.logs import LogConfig

__all__ = ["LogConfig"]
