"""What a user says about retries, as it travels with every call: made once for each app, and once for the flow."""

from __future__ import annotations

from nbflow.core.retry import Terms
from nbflow.errors import AppTimeout, CannotPickle, MemoryLimitExceeded, WorkerLost
from nbflow.retrying import Retry
from nbflow.values import pickling
from nbflow.wire.messages import Retries


def retries_of(given: int | Retry) -> Retries:
    """The record of a policy; a number means so many further attempts at once, whatever the error.

    Raises:
        CannotPickle: a class of errors that the policy names cannot travel.
    """
    policy = given if isinstance(given, Retry) else Retry(given)
    found = (issubclass(kind, policy.classes) for kind in (WorkerLost, AppTimeout, MemoryLimitExceeded))
    terms = Terms(policy.times, policy.delay, policy.factor, policy.longest, *found)
    return Retries(terms, b"" if policy.on is Exception else _pickled(policy))


def _pickled(policy: Retry) -> bytes:
    try:
        return pickling.dumps(policy.classes).data
    except Exception as error:
        raise CannotPickle(f"a class of errors in {policy} cannot travel: {error}") from error
