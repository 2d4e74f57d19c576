"""Which modules are none of the user's: they do not change while a program runs."""

from __future__ import annotations

import os
import re
import sysconfig

_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")


def is_library(name: str, file: str) -> bool:
    """Whether a module is of the standard library, or installed, or nbflow itself."""
    if name.partition(".")[0] == "nbflow":
        return True
    return file.startswith(_STANDARD) or _INSTALLED.search(file) is not None
