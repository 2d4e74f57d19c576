"""A file of records: what is damaged loses itself alone, wherever the damage is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.values import records

keys = st.binary(min_size=records.KEY, max_size=records.KEY)
# contents that hold marks and whole records are the hard ones
contents = st.binary(max_size=200) | st.builds(lambda a, b: a + b"\xabnbm" + b, st.binary(), st.binary())
entries = st.lists(st.tuples(keys, contents), min_size=1, max_size=8)


def written(directory: str, written: list[tuple[bytes, bytes]]) -> tuple[str, list[int]]:
    """A file with these records, and where each ends."""
    path = os.path.join(directory, "records")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ends = []
    for key, content in written:
        records.append(fd, key, content)
        ends.append(os.fstat(fd).st_size)
    os.close(fd)
    return path, ends


def found(path: str) -> list[tuple[bytes, bytes]]:
    """What can be read."""
    read = [(key, records.read(path, place)) for key, place in records.scan(path)]
    assert all(record is None or record[0] == key for key, record in read)
    return [record for _, record in read if record is not None]


@given(entries)
def test_what_was_written_is_read_in_its_order(given_entries: list[tuple[bytes, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, _ = written(directory, given_entries)
        assert found(path) == given_entries


@given(entries, st.data())
def test_a_torn_end_loses_the_last_record_and_what_is_written_after_it_is_found(
    given_entries: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, ends = written(directory, given_entries)
        begin = ends[-2] if len(ends) > 1 else 0
        os.truncate(path, data.draw(st.integers(begin, ends[-1] - 1)))
        assert found(path) == given_entries[:-1]
        written(directory, [(b"k" * records.KEY, b"later")])
        assert found(path) == [*given_entries[:-1], (b"k" * records.KEY, b"later")]


@settings(max_examples=300)
@given(entries, st.data())
def test_damage_anywhere_loses_only_the_record_that_it_is_in(
    given_entries: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, ends = written(directory, given_entries)
        content = bytearray(Path(path).read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        Path(path).write_bytes(content)
        hit = next(place for place, end in enumerate(ends) if at < end)
        assert found(path) == [entry for place, entry in enumerate(given_entries) if place != hit]


@given(st.binary(max_size=1000))
def test_a_file_of_something_else_has_no_records(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "records")
        Path(path).write_bytes(content)
        assert found(path) == []
