"""The configuration."""

from nbflow.config import Config

__all__ = ["Config"]
