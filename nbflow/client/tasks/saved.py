"""The call of a task as it was made, to be run once more in this process: function and arguments, needs put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbflow.client.held import HeldCall
from nbflow.errors import StoreError
from nbflow.values import outcome, pickling, source
from nbflow.wire.messages import Saved
from nbflow.wire.outcomes import Composed, Held, Inline, Stored


class SavedCall:
    """What was kept of a task. `app` and `kind` are its app's; `size`: the bytes that `load` will make objects of."""

    def __init__(self, saved: Saved, held: Mapping[int, Any]) -> None:
        self.app = saved.app
        self.kind = saved.kind
        self.size = _size(saved.payload) + sum(map(_size, saved.values))
        self._saved = saved
        self._held = held

    def load(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """The function as it was when it was called, and its arguments, with values in the place of futures.

        Those of a task on a thread are the objects themselves, as they are by now.

        Raises:
            StoreError: the task has been tried again meanwhile, or let go, and what it was called with is gone.
            Exception: what rebuilding a value raises.
        """
        saved = self._saved
        try:
            if type(saved.payload) is Held:
                call: HeldCall = self._held[saved.payload.number]
                return (call.function, *call.arguments())
            assert saved.function is not None
            assert saved.payload is not None
            source.learn(saved.function.places)
            function = pickling.loads(saved.function.code)
            needs = [outcome.load(value, held=self._held) for value in saved.values]
            args, kwargs = outcome.load(saved.payload, needs)
        except (FileNotFoundError, KeyError) as error:
            raise StoreError(
                f"what `{self.app}` was called with is gone: it was tried again, or let go"
            ) from error
        return function, args, kwargs


def _size(value: Inline | Stored | Held | Composed | None) -> int:
    if isinstance(value, Inline):
        return len(value.data)
    if isinstance(value, Stored):
        return value.size
    return sum(map(_size, value.parts)) if isinstance(value, Composed) else 0
