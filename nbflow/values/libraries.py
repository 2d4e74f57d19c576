"""Which modules are none of the user's: they do not change while a program runs."""

from __future__ import annotations

import os
import re
import sys
import sysconfig

_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")


def is_library(name: str, file: str) -> bool:
    """Whether a module is of the standard library, or installed, or nbflow itself."""
    if name.partition(".")[0] == "nbflow":
        return True
    return file.startswith(_STANDARD) or _INSTALLED.search(file) is not None


def is_of_library(name: str) -> bool:
    """Whether the module of that name is one, as far as it is loaded; the main module is none."""
    found = _loaded.get(name)
    if found is None:
        module = sys.modules.get(name)
        if module is None:
            return False
        file = getattr(module, "__file__", None)
        found = _loaded[name] = name != "__main__" and (file is None or is_library(name, file))
    return found


_loaded: dict[str, bool] = {}
