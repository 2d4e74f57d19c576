"""What all launchers are."""

from nbflow.compat.providers import Launcher

__all__ = ["Launcher"]
