"""Records of tasks: what is worth telling."""

from __future__ import annotations

import pytest

from nbflow.wire.rows import TELLING, Transfer


@pytest.mark.parametrize(
    ("fetch", "store", "told"),
    [
        (0.0, 0.0, None),
        (TELLING / 2, TELLING / 2, None),
        (TELLING, 0.0, Transfer(TELLING, 0.0)),
        (0.0, 2.0, Transfer(0.0, 2.0)),
        (-5.0, 0.0, None),
        (-5.0, 2.0, Transfer(0.0, 2.0)),
    ],
)
def test_transfers_are_told_where_they_took_long_and_never_less_than_nothing(
    fetch: float, store: float, told: Transfer | None
) -> None:
    assert Transfer.worth_telling(fetch, store) == told
