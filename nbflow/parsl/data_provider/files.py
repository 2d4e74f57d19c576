"""Files."""

from nbflow.files import File

__all__ = ["File"]
