"""The fingerprint of a value: 16 bytes that depend on its content alone, equal in every process and after a restart.

Neither hash seeds nor addresses count, nor the order of a set or a dict, nor where a function was written. `plain`,
`code` and `arrays` know what types count by; people add theirs with `id_for_memo.register`; any other value counts by
what pickle would take it apart into. What cannot be taken apart has no fingerprint: its call is not remembered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from nbflow.errors import CannotFingerprint
from nbflow.values.digests import digest
from nbflow.values.fingerprint import arrays, code, plain
from nbflow.values.fingerprint.walk import ATOMS, Handler, Part, Walk, text

_HANDLERS = {**plain.HANDLERS, **code.HANDLERS}
_FAMILIES = {**plain.FAMILIES, **code.FAMILIES}


def fingerprint(
    value: Any,
    name_of_future: Callable[[Future[Any]], bytes] | None = None,
    directories: Sequence[str] = ("",),
) -> bytes:
    """The fingerprint of a value: 16 bytes. `name_of_future`, `directories`: see `Walk`.

    Raises:
        CannotFingerprint: it, or a part of it, has none; the error says which type and why.
    """
    try:
        part = Walk(_handler_of, name_of_future, directories).part(value)
    except CannotFingerprint:
        raise
    except RecursionError:
        raise CannotFingerprint(type(value), "it is nested too deeply") from None
    except Exception as error:  # code of the value's own may have raised anything
        raise CannotFingerprint(type(value), f"{type(error).__name__}: {error}") from error
    assert isinstance(part, bytes), "a walk ends with what it began with"
    return digest(part)


def fingerprint_of_output(value: Any) -> bytes:
    """The same for one of a call's `outputs`: a file that is yet to be written counts by its path.

    Raises:
        CannotFingerprint: as `fingerprint`.
    """
    own = _registered(type(value))
    return fingerprint(str(value)) if own is None else digest(_ask(own, value, output_ref=True))


@functools.singledispatch
def id_for_memo(value: Any, output_ref: bool = False) -> bytes:
    """The bytes by which a value counts in the memo. `output_ref`: it is one of a call's `outputs`.

    Say what counts for a type, and for those derived from it, with a function of your own:

        @id_for_memo.register(Model)
        def _(model, output_ref=False):
            return model.checksum.encode()

    Raises:
        CannotFingerprint: nothing is registered for its type, and it cannot be taken apart either.
    """
    return fingerprint_of_output(value) if output_ref else fingerprint(value)


_nobodys = id_for_memo.dispatch(object)


def _registered(kind: type) -> Callable[..., Any] | None:
    """What people registered for a type."""
    own = id_for_memo.dispatch(kind)
    return None if own is _nobodys else own


def _ask(own: Callable[..., Any], value: Any, output_ref: bool) -> bytes:
    try:
        answer = own(value, output_ref=output_ref)
    except CannotFingerprint:
        raise
    except Exception as error:
        raise CannotFingerprint(
            type(value), f"what is registered for it raised {type(error).__name__}: {error}", own=True
        ) from error
    if not isinstance(answer, bytes):
        raise CannotFingerprint(
            type(value), f"what is registered for it gave {answer!r} instead of bytes", own=True
        )
    return answer


def _by_registration(walk: Walk, value: Any, parts: list[Part]) -> None:
    kind = type(value)
    own = _registered(kind)
    assert own is not None
    name = f"{kind.__module__}.{kind.__qualname__}"
    parts += (b"registered", text(name), _ask(own, value, output_ref=False))


def _handler_of(kind: type) -> Handler | None:
    """What knows a type; None if nothing does, or it is an atom."""
    if len(id_for_memo.registry) > 1 and _registered(kind) is not None:
        return _by_registration
    return None if kind in ATOMS else _built_in(kind)


@functools.lru_cache(maxsize=1024)
def _built_in(kind: type) -> Handler | None:
    if (found := _HANDLERS.get(kind)) is not None:
        return found
    for base, handler in _FAMILIES.items():
        if issubclass(kind, base):
            return handler
    return code.NAMED.get((kind.__module__, kind.__qualname__)) or arrays.handler_of(kind)
