"""What people call a file of code: `Cell In[4]` for IPython's file name of a cell.

Functions that leave the process take this name along, so tracebacks that come back speak of cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.values.source import naming

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Places:
    """The names of a shell's cells, both ways."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._files: dict[str, str] = {}

    def name(self, file: str) -> str:
        """`Cell In[4]` for a cell's file name; any other file is called by its own."""
        found = self._shell.compile.format_code_name(file)
        if found is None:
            return file
        name = " ".join(found)
        self._files[name] = file
        return name

    def file(self, name: str) -> str:
        """The file that is called so."""
        return self._files.get(name, name)

    def install(self) -> None:
        """From now on, functions travel with these names."""
        naming.append(self.name)

    def remove(self) -> None:
        """Undo `install`."""
        naming.remove(self.name)
