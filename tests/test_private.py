"""What is private, and what is refused: directories, files, the key."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbflow import private
from nbflow.errors import NotPrivate

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act for other users")
SOMEBODY = 65534


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(private, "_for_this_session", b"")
    return tmp_path


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_what_is_made_has_one_mode_under_every_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        real = private.private_directory(tmp_path / "a" / "b")
        fresh = private.fresh_directory(str(tmp_path))
        for made in (private.opener, private.open_private):
            with open(tmp_path / made.__name__, "ab", opener=made):
                pass
    assert real == str(tmp_path / "a" / "b")
    assert [mode(tmp_path / "a"), mode(real), mode(fresh)] == [0o700] * 3
    assert [mode(tmp_path / "opener"), mode(tmp_path / "open_private")] == [0o600] * 2
    assert private.private_directory(real) == real, "it is there already"


def test_a_directory_that_others_can_write_is_refused_and_the_text_says_what_to_do(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for bits in (0o777, 0o707, 0o1777):
        shared.chmod(bits)
        with pytest.raises(NotPrivate, match=f"{shared} can be written by others: chmod go-w {shared}"):
            private.check_directory(shared)
    shared.chmod(0o755)
    assert private.check_directory(shared) == str(shared), "others may look"


def test_nor_may_one_above_it_be_writable_unless_it_is_sticky(tmp_path: Path) -> None:
    inner = tmp_path / "shared" / "mine"
    inner.mkdir(parents=True, mode=0o700)
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(NotPrivate, match=f"{tmp_path}/shared, which it lies in, can be written by others"):
        private.check_directory(inner)
    with pytest.raises(NotPrivate, match="which it lies in"):
        private.private_directory(inner / "new")
    with pytest.raises(NotPrivate, match="which it lies in"):
        private.fresh_directory(str(tmp_path / "shared"))
    (tmp_path / "shared").chmod(0o1777)
    assert private.check_directory(inner) == str(inner)
    assert not (inner / "new").exists(), "nothing was made in a refused place"


@as_root
def test_somebody_elses_directory_is_refused(tmp_path: Path) -> None:
    inner = tmp_path / "theirs" / "mine"
    inner.mkdir(parents=True, mode=0o700)
    os.chown(tmp_path / "theirs", SOMEBODY, SOMEBODY)
    with pytest.raises(NotPrivate, match="theirs, which it lies in, belongs to somebody else"):
        private.check_directory(inner)
    with pytest.raises(NotPrivate, match=r"theirs belongs to somebody else \(user nobody\)"):
        private.check_directory(tmp_path / "theirs")


@as_root
def test_a_group_may_write_if_nobody_else_is_in_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    assert private.check_directory(tmp_path)
    os.chown(tmp_path, -1, SOMEBODY)
    with pytest.raises(NotPrivate, match="written by others"):
        private.check_directory(tmp_path)
    os.chown(tmp_path, -1, 54321)
    with pytest.raises(NotPrivate, match="written by others"):
        private.check_directory(tmp_path)


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert private.private_directory(tmp_path / "link" / "a") == str(tmp_path / "real" / "a")


def test_a_file_must_be_the_users_own_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(OSError, match="symbolic link"):
        private.open_private(str(tmp_path / "link"), os.O_RDONLY)
    with pytest.raises(NotPrivate, match="pipe is not a file"):
        private.open_private(str(tmp_path / "pipe"), os.O_RDONLY)
    path.chmod(0o622)
    with pytest.raises(NotPrivate, match=f"written by others: chmod go-w {path}"):
        private.open_private(str(path), os.O_WRONLY | os.O_TRUNC)
    assert path.read_bytes() == b"content"
    path.chmod(0o644)
    with open(private.open_private(str(path), os.O_RDONLY), "rb") as file:
        assert file.read() == b"content"
    with pytest.raises(FileExistsError), open(path, "xb", opener=private.open_private):
        pass


@as_root
def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.chown(path, SOMEBODY, -1)
    with pytest.raises(NotPrivate, match="belongs to somebody else"):
        private.open_private(str(path), os.O_RDONLY)


# ------------------------------------------------------------ the key


def test_a_key_is_made_once_and_kept(home: Path) -> None:
    with umask(0o000):
        first = private.user_key()
    assert first == private.user_key()
    assert len(first.secret) == 32
    assert first.trouble == ""
    path = home / ".local/state/nbflow/key"
    assert path.read_bytes() == first.secret
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]
    assert os.listdir(path.parent) == ["key"]


def test_the_state_directory_is_where_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "elsewhere"))
    assert private.state_directory() == str(home / "elsewhere" / "nbflow")
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert private.state_directory() == str(home / ".local/state/nbflow")


def test_many_who_make_it_at_once_have_the_same(home: Path) -> None:
    script = "from nbflow.private import user_key; print(user_key().secret.hex(), user_key().trouble)"

    def one(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(one, range(6))) == {f"{private.user_key().secret.hex()} \n"}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"short"), "is damaged: a key has 32 bytes"),
        (lambda path: path.write_bytes(b"x" * 33), "is damaged"),
        (lambda path: path.chmod(0o644), "can be read by others, so it is no secret"),
        (lambda path: path.chmod(0o622), "can be written by others"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "symbolic link"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "is not a file"),
        (lambda path: (path.unlink(), path.mkdir()), "is not a file|Is a directory"),
    ],
)
def test_a_key_that_cannot_be_used_is_left_alone_and_there_is_one_for_the_session(
    home: Path, spoil: Callable[[Path], object], words: str
) -> None:
    private.user_key()
    path = home / ".local/state/nbflow/key"
    spoil(path)
    before = os.lstat(path)
    key = private.user_key()
    assert key == private.user_key(), "one for the whole session"
    assert len(key.secret) == 32
    assert re.search(words, key.trouble)
    if "link" not in words and "Is a" not in words:
        assert f"rm {path}" in key.trouble
    assert os.lstat(path).st_mtime_ns == before.st_mtime_ns


def test_without_a_home_there_is_a_key_for_the_session(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home / "gone"))
    key = private.user_key()
    assert len(key.secret) == 32
    assert key.trouble == f"there is no home directory {home}/gone"
    assert not (home / "gone").exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a directory that not even root can write")
def test_in_a_home_that_cannot_be_written_there_is_a_key_for_the_session(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc")
    key = private.user_key()
    assert len(key.secret) == 32
    assert "/proc/.local" in key.trouble


# ------------------------------------------------------------ where flows are found


def test_what_others_have_planted_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common, own = tmp_path / "common", tmp_path / "own"
    common.mkdir()
    common.chmod(0o1777)
    own.mkdir(mode=0o700)
    monkeypatch.setattr(private, "COMMON", str(common))
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(common))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own))
    name = f"nbflow-{os.geteuid()}"
    assert private.runtime_directory() == str(common / name)
    assert mode(common / name) == 0o700
    (common / name).chmod(0o755)
    assert private.runtime_directory() == str(common / name)
    assert mode(common / name) == 0o700, "others need not even look"
    (common / name).chmod(0o777)
    assert private.runtime_directory() == str(own / "nbflow")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    with pytest.raises(NotPrivate, match="can be written by others"):
        private.runtime_directory()


@as_root
def test_neither_somebody_elses_directory_nor_a_link_of_theirs_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "COMMON", str(tmp_path))
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    planted = tmp_path / f"nbflow-{os.geteuid()}"
    planted.mkdir(mode=0o700)
    os.chown(planted, SOMEBODY, SOMEBODY)
    with pytest.raises(NotPrivate, match="belongs to somebody else"):
        private.runtime_directory()
    planted.rmdir()
    (tmp_path / "precious").mkdir(mode=0o750)
    planted.symlink_to(tmp_path / "precious")
    os.lchown(planted, SOMEBODY, SOMEBODY)
    with pytest.raises(NotPrivate, match="a link that somebody else has put there"):
        private.runtime_directory()
    assert mode(tmp_path / "precious") == 0o750
