"""Amounts of memory, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow import sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2 GB", 2_000_000_000),
        ("2GB", 2_000_000_000),
        ("2.3 gb", 2_300_000_000),
        (" 512 MiB ", 512 * 2**20),
        (".5 kB", 500),
        ("1.5 GiB", 3 * 2**29),
        ("1 TB", 10**12),
        ("7 B", 7),
    ],
)
def test_an_amount_is_understood(text: str, size: int) -> None:
    assert sizes.in_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "2", "GB", "2 G", "2 Gb/s", "-2 GB", "2 GB 3", "2,5 GB", "1e3 MB", "two GB", "٢ GB"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='is no amount of bytes, or a text like "2 GB" or "512 MiB"'):
        sizes.in_bytes(text)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (2_310_000_000, "2.31 GB"),
        (12_340_000, "12.3 MB"),
        (200_000_000, "200 MB"),
    ],
)
def test_an_amount_is_said_in_three_digits(size: int, words: str) -> None:
    assert sizes.in_words(size) == words


@given(st.integers(0, 10**15))
def test_what_is_said_is_understood(size: int) -> None:
    assert sizes.in_bytes(sizes.in_words(size)) == pytest.approx(size, rel=0.005)
