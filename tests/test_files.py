"""What a File is, wherever it is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow import File
from nbflow.errors import UsageError


@pytest.mark.parametrize(
    ("url", "scheme", "netloc", "path", "filename"),
    [
        ("a.txt", "file", "", "a.txt", "a.txt"),
        ("sub/a.txt", "file", "", "sub/a.txt", "a.txt"),
        ("/x/y z.txt", "file", "", "/x/y z.txt", "y z.txt"),
        ("file:///x/a.txt", "file", "", "/x/a.txt", "a.txt"),
        ("file:///x/a%20b.txt", "file", "", "/x/a b.txt", "a b.txt"),
        ("file:a.txt", "file", "", "a.txt", "a.txt"),
        ("http://host:8080/x/a.txt", "http", "host:8080", "/x/a.txt", "a.txt"),
        ("https://host/x/a.txt?v=1", "https", "host", "/x/a.txt", "a.txt"),
        ("ftp://host/a", "ftp", "host", "/a", "a"),
        ("globus://end/~/a", "globus", "end", "/~/a", "a"),
        ("zip:/a.zip/inner", "zip", "", "/a.zip/inner", "inner"),
        ("s3://bucket/key", "s3", "bucket", "/key", "key"),
        ("12:30 notes#1?.txt", "file", "", "12:30 notes#1?.txt", "12:30 notes#1?.txt"),
    ],
)
def test_a_file_has_the_parts_of_its_url(
    url: str, scheme: str, netloc: str, path: str, filename: str
) -> None:
    file = File(url)
    assert (file.url, file.scheme, file.netloc, file.path, file.filename) == (
        url,
        scheme,
        netloc,
        path,
        filename,
    )
    assert repr(file) == f"File({url!r})"
    assert file.local_path is None


def test_a_path_object_will_do_and_so_will_a_file() -> None:
    assert File(Path("x/a.txt")) == "x/a.txt"
    assert File(File("file:///x/a")).url == "file:///x/a"
    for wrong in (b"a", 3, None, ["a"], Path):
        with pytest.raises(UsageError, match="a File needs a path or URL as text, not "):
            File(wrong)  # type: ignore[arg-type]
    for empty in ("", "http://host", "file:"):
        with pytest.raises(UsageError, match="needs a path"):
            File(empty)


def test_a_file_is_its_path_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    file = File(path)
    assert file.filepath == str(file) == os.fspath(file) == str(path)
    assert f"cat {file}" == f"cat {path}"
    assert " ".join(2 * [file]) == f"{path} {path}"
    with open(file) as opened:
        assert opened.read() == "text"
    assert file == str(path)
    assert hash(file) == hash(str(path))
    assert len({file, File(path), str(path)}) == 1


def test_a_url_that_is_yet_to_be_fetched_has_no_path() -> None:
    file = File("http://host/a.txt")
    assert file.remote
    assert str(file) == "http://host/a.txt"
    for ask in (lambda: file.filepath, lambda: file.__fspath__()):
        with pytest.raises(ValueError, match=r"http://host/a\.txt has no path on this machine"):
            ask()


def test_a_local_path_may_be_set_and_a_clean_copy_has_none() -> None:
    file = File("http://host/a.txt")
    file.local_path = Path("/tmp/a.txt")  # type: ignore[assignment]
    assert not file.remote
    assert (file.local_path, file.filepath, str(file)) == ("/tmp/a.txt", "/tmp/a.txt", "/tmp/a.txt")
    copy = file.cleancopy()
    assert (copy.url, copy.local_path, copy.remote) == (file.url, None, True)
    assert file.in_place() == "/tmp/a.txt", "as a str as well"
    file.local_path = None
    assert file.remote


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_file_travels_with_its_local_path(protocol: int) -> None:
    for file in (File("x/a.txt"), File("http://host/a.txt"), File("file:///x")):
        again = pickle.loads(pickle.dumps(file, protocol))
        assert type(again) is File
        assert (again.url, again.local_path, again.path) == (file.url, None, file.path)
    file.local_path = "/here"
    again = pickle.loads(pickle.dumps(file, protocol))
    assert again == again.local_path == "/here"


@given(st.text(min_size=1).filter(lambda text: ":" not in text))
def test_any_path_is_its_own(path: str) -> None:
    file = File(path)
    assert file == file.path == file.filepath == path
    assert file.scheme == "file"
    assert file.filename == os.path.basename(path)
    assert pickle.loads(pickle.dumps(file)) == file
