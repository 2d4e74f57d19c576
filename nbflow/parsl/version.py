"""The version: nbflow's own."""

import nbflow

__all__ = ["VERSION"]

VERSION = nbflow.__version__
