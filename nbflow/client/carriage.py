"""How the function and the arguments of a call get to where it runs: as bytes to another process, or not at all.

On a thread of this process they are what they are here: nothing is copied, and what cannot be pickled is welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from nbflow.client.arguments import Arguments
from nbflow.client.held import HeldCall, HeldValues
from nbflow.client.options import Options
from nbflow.client.parameters import Parameters
from nbflow.client.signals import is_of_a_handler
from nbflow.errors import CannotPickle, UsageError, describe
from nbflow.values import pickling
from nbflow.values.functions import Captor
from nbflow.values.resolvers import DependencyResolver
from nbflow.wire.messages import Define
from nbflow.wire.outcomes import Held, Inline, Stored

_UNKNOWN = Parameters()


class Callee(NamedTuple):
    """What is called: an app, as far as a call needs it."""

    options: Options
    captor: Captor
    parameters: Parameters = _UNKNOWN

    @property
    def name(self) -> str:
        """What people call the app."""
        return self.options.name

    def capture(self) -> Define:
        """The function as it is now, to travel.

        Raises:
            CannotPickle: it refers to something that cannot.
        """
        try:
            return self.captor.capture()
        except Exception as error:
            if is_of_a_handler(error):
                raise
            raise CannotPickle(
                f"app `{self.name}` refers to something that cannot travel: {describe(error)}"
            ) from error

    def named(self, args: tuple[Any, ...]) -> list[tuple[str, Any]]:
        """Positional arguments by the names of their parameters; by their place, from 1, beyond those."""
        names = self.parameters.positional
        return [(names[i] if i < len(names) else str(i + 1), value) for i, value in enumerate(args)]


class Parcel(NamedTuple):
    """A call ready to go. `needs`: the futures in it, in the order in which the payload refers to them."""

    define: Define
    payload: Inline | Stored | Held
    needs: Sequence[Future[Any]]


def packed(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], arguments: Arguments) -> Parcel:
    """For another process; futures are found at any depth.

    Raises:
        CannotPickle: an argument, or what the app refers to, cannot travel; the text names it.
        UsageError: there is no room for them.
    """
    define = callee.capture()
    data, buffers, needs = _pickled(callee, args, kwargs)
    if not buffers and len(data) <= pickling.BIG:
        return Parcel(define, Inline(data), needs)
    try:
        return Parcel(define, arguments.store(pickling.Pickled(data, buffers, needs)), needs)
    except OSError as error:
        raise UsageError(f"the arguments of `{callee.name}` are too big to be stored: {error}") from error


def kept(
    callee: Callee,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    held: HeldValues,
    resolver: DependencyResolver,
) -> Parcel:
    """For a thread of this process; futures are found as the resolver says."""
    needs = list({id(future): future for future in resolver.gather(args, kwargs)}.values())
    call = HeldCall(callee.captor.function, args, kwargs, resolver)
    return Parcel(callee.captor.mention(), held.put(call), needs)


def _pickled(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> pickling.Pickled:
    try:
        return pickling.dumps_call(args, kwargs)
    except Exception as error:
        if is_of_a_handler(error):
            raise
        for name, value in [*callee.named(args), *kwargs.items()]:
            if (cause := pickling.refusal(value)) is not None:
                kind = type(value).__name__
                raise CannotPickle(
                    f"argument `{name}` ({kind}) of `{callee.name}` cannot travel: {describe(cause)}"
                ) from cause
        raise CannotPickle(
            f"the arguments of `{callee.name}` cannot travel together: {describe(error)}"
        ) from error


_captors: dict[Any, Captor] = {}


def captor_of(function: Any) -> Captor:
    """The captor of a function of nbflow's own, or of whoever extends it; the same each time."""
    if function not in _captors:
        _captors[function] = Captor(function)
    return _captors[function]
