"""What a command of `%nbflow` is. The commands themselves stand in the modules beside this one, by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nbflow.notebook.tools import Tools

Act: TypeAlias = Callable[[Tools, Sequence[str]], object]


@dataclass(frozen=True, slots=True)
class Command:
    """One word behind `%nbflow`."""

    name: str
    act: Act  #: is given what the extension has in this shell, and the words behind the name
    help: str  #: a line for `%nbflow?`
    usage: str = ""  #: the words it takes, as that line shows them; empty: it stands alone
    complete: Callable[[], Sequence[str]] | None = None  #: what Tab offers in the place of these words
