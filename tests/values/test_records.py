"""A file of records: what is damaged loses itself alone, wherever the damage is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.values import records

SECRET = b"s" * 32

keys = st.binary(min_size=records.KEY, max_size=records.KEY)
# contents that hold marks and whole records are the hard ones
contents = st.binary(max_size=200) | st.builds(lambda a, b: a + b"\xabnb2" + b, st.binary(), st.binary())
entries = st.lists(st.tuples(keys, contents), min_size=1, max_size=8)


def written(directory: str, written: list[tuple[bytes, bytes]]) -> tuple[str, list[int]]:
    """A file with these records, and where each ends."""
    path = os.path.join(directory, "records")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ends = []
    for key, content in written:
        records.append(fd, key, content, SECRET)
        ends.append(os.fstat(fd).st_size)
    os.close(fd)
    return path, ends


def found(path: str) -> list[tuple[bytes, bytes]]:
    """What can be read."""
    with open(path, "rb") as file:
        read = [(key, records.read(file, place)) for key, place in records.scan(file)]
        first = records.first(file)
    whole = [record for _, record in read if record is not None]
    assert all(record is None or record.key == key for key, record in read)
    assert all(record.signed_by(SECRET) for record in whole)
    assert first == (whole[0] if whole else None)
    return [(record.key, record.content) for record in whole]


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
        later = (b"k" * records.KEY, b"later")
        written(directory, [later])
        # the last one is whole again where what it lacks is what the next one begins with
        assert found(path) in ([*given_entries[:-1], later], [*given_entries, later])


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


@given(entries, st.data())
def test_a_signature_holds_for_one_secret_one_key_and_one_content(
    given_entries: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, _ = written(directory, given_entries)
        with open(path, "rb") as file:
            record = records.first(file)
    assert record is not None
    assert record.signed_by(SECRET)
    other = data.draw(st.binary(max_size=64).filter(lambda secret: secret.rstrip(b"\0") != SECRET))
    assert not record.signed_by(other)
    at = data.draw(st.integers(0, records.KEY - 1))
    key = bytes(byte ^ (place == at) for place, byte in enumerate(record.key))
    assert not record._replace(key=key).signed_by(SECRET)
    assert not record._replace(content=record.content + b"x").signed_by(SECRET)
    assert not record._replace(signature=bytes(32)).signed_by(SECRET)


def test_records_of_another_version_are_passed_over() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, _ = written(directory, [(b"k" * records.KEY, b"one"), (b"k" * records.KEY, b"two")])
        content = Path(path).read_bytes()
        Path(path).write_bytes(content.replace(b"\xabnb2", b"\xabnb3", 1))
        assert found(path) == [(b"k" * records.KEY, b"two")]
