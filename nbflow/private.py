"""What must be the user's alone: directories, files, and the key that signs what is kept on disk.

A directory is private if it is the user's and nobody else can change what lies in it, nor put another one in its place:
so it and all above it belong to the user or to the system, and are not writable by others (above it, a sticky bit will
do). What was found private stays so until the user changes it, so there is no gap between check and use. Whatever
is made here has the same mode under every umask. What is kept in the files is not the subject here.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from nbflow.errors import NotPrivate

DIRECTORY = 0o700
FILE = 0o600
KEY_SIZE = 32  # bytes
COMMON = "/tmp"  # where a person's sessions meet, whatever TMPDIR each of them has

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

# ---------------------------------------------------------------- directories


def check_directory(path: str | os.PathLike[str]) -> str:
    """The real path of a directory that is private; to be used from then on instead of `path`.

    Raises:
        NotPrivate: it is not; the text says why, and what to do.
        OSError: it cannot be looked at, or is not there.
    """
    real = os.path.realpath(os.fspath(path), strict=True)
    found = os.lstat(real)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), real)
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{real} belongs to somebody else (user {_user(found.st_uid)})")
    if _others_write(real, found):
        raise NotPrivate(f"{real} can be written by others: chmod go-w {real}")
    _check_above(real)
    return real


def _check_above(real: str) -> None:
    """Nobody else can put another directory in the place of this one."""
    system = {0, os.geteuid(), os.stat("/").st_uid}  # in a user namespace, root may show under another number
    while (parent := os.path.dirname(real)) != real:
        real = parent
        found = os.lstat(real)
        if found.st_uid not in system:
            raise NotPrivate(
                f"{real}, which it lies in, belongs to somebody else (user {_user(found.st_uid)})"
            )
        if not found.st_mode & stat.S_ISVTX and _others_write(real, found):
            raise NotPrivate(f"{real}, which it lies in, can be written by others: chmod go-w {real}")


def private_directory(path: str | os.PathLike[str]) -> str:
    """A private directory, made if it is not there, with all above it that are missing; its real path.

    Raises like `check_directory`.
    """
    real = os.path.realpath(os.fspath(path))
    missing: list[str] = []
    above = real
    while not os.path.lexists(above):
        missing.append(above)
        above = os.path.dirname(above)
    if missing:
        _check_above(missing[-1])
    for each in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            make_directory(each)
    return check_directory(real)


def make_directory(path: str) -> None:
    """`os.mkdir` for the user alone."""
    os.mkdir(path, DIRECTORY)
    os.chmod(path, DIRECTORY)  # the umask may have taken away even what is the user's


def fresh_directory(parent: str | None = None) -> str:
    """A new private directory with a name of its own; `parent`: None = where the system keeps temporary files.

    Raises:
        NotPrivate: others could put another one in its place.
        OSError: it cannot be made.
    """
    parent = os.path.realpath(parent or tempfile.gettempdir())
    _check_above(os.path.join(parent, "nbflow"))
    path = tempfile.mkdtemp(prefix="nbflow-", dir=parent)
    os.chmod(path, DIRECTORY)
    return path


def state_directory() -> str:
    """Where what belongs to the user is kept from session to session: `$XDG_STATE_HOME/nbflow`, 0700.

    Raises:
        NotPrivate: there is no home directory, or others could change what is in it.
        OSError: it cannot be made.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        home = os.path.expanduser("~")
        if not os.path.isabs(home) or not os.path.isdir(home):
            raise NotPrivate(f"there is no home directory {home}")
        base = os.path.join(home, ".local", "state")
    return _closed(os.path.join(base, "nbflow"))


def runtime_directories() -> list[str]:
    """Where the living flows of this user may be found, the best place first; none of them need be there.

    The common temporary directory comes before `$XDG_RUNTIME_DIR`: that one goes when the user logs out, and a flow
    that runs overnight does not.
    """
    name = f"nbflow-{os.geteuid()}"
    places = [os.path.join(parent, name) for parent in (COMMON, tempfile.gettempdir())]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        places.append(os.path.join(runtime, "nbflow"))
    return list(dict.fromkeys(places))


def runtime_directory() -> str:
    """The first of `runtime_directories` that is private, or can be made so: 0700.

    Raises:
        NotPrivate: none can, such as one that somebody else has put there; the text says why not.
    """
    troubles: list[str] = []
    for path in runtime_directories():
        try:
            return _closed(path)
        except (NotPrivate, OSError) as error:
            troubles.append(str(error))
    raise NotPrivate("; ".join(troubles))


def _closed(path: str) -> str:
    """A private directory that others cannot even enter."""
    if os.path.islink(path) and os.lstat(path).st_uid != os.geteuid():
        raise NotPrivate(f"{path} is a link that somebody else has put there")
    real = private_directory(path)
    if os.lstat(real).st_mode & 0o777 != DIRECTORY:
        os.chmod(real, DIRECTORY)
    return real


def _others_write(path: str, found: os.stat_result) -> bool:
    """Whether anybody but the user and root may write there."""
    writable = found.st_mode & _OTHERS_WRITE
    if writable == stat.S_IWGRP and _alone_in(found.st_gid):
        return _has_list(path)
    return bool(writable)


def _has_list(path: str) -> bool:
    """Whether there is an access control list: the bits of the group then speak of others as well."""
    try:
        return "system.posix_acl_access" in os.listxattr(path, follow_symlinks=False)
    except (AttributeError, OSError):  # not on this system, or not in this file system
        return False


@lru_cache(maxsize=64)
def _alone_in(group: int) -> bool:
    """Whether nobody but the user is in a group: many systems give each user a group, and it may write by default."""
    import grp  # seldom needed, and `import nbflow` comes by here
    import pwd

    ours = {0, os.geteuid()}
    try:
        names = {pwd.getpwuid(uid).pw_name for uid in ours}
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:  # who is in it, nobody can tell
        return False
    return members <= names and all(each.pw_uid in ours for each in pwd.getpwall() if each.pw_gid == group)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# ---------------------------------------------------------------- files


def opener(path: str, flags: int) -> int:
    """For `open(..., opener=opener)`: a file that it makes is the user's alone, one that is there stays as it is."""
    if flags & os.O_CREAT:
        try:
            fd = os.open(path, flags | os.O_EXCL | os.O_CLOEXEC, FILE)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        else:
            os.fchmod(fd, FILE)  # the umask may have taken away even what is the user's
            return fd
    return os.open(path, flags & ~os.O_CREAT | os.O_CLOEXEC)


def open_private(path: str, flags: int) -> int:
    """Like `opener`; a file that is there must be a plain one of the user's, which nobody else can write.

    What was looked at is what was opened: links are not followed, and the descriptor is asked, not the path.

    Raises:
        NotPrivate: it is not.
        OSError: it cannot be opened.
    """
    # not to wait for the other end of a pipe that stands in the file's place
    fd = opener(path, flags & ~os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise NotPrivate(f"{path} is not a file")
        if found.st_uid != os.geteuid():
            raise NotPrivate(f"{path} belongs to somebody else (user {_user(found.st_uid)})")
        if _others_write(path, found):
            raise NotPrivate(f"{path} can be written by others: chmod go-w {path}")
        if flags & os.O_TRUNC:
            os.ftruncate(fd, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


# ---------------------------------------------------------------- the key


class UserKey(NamedTuple):
    """The user's key; `trouble`: why it is one for this session alone, "" if it is kept."""

    secret: bytes
    trouble: str


_for_this_session = b""


def user_key() -> UserKey:
    """The key of this user, made at the first use: `key` in the state directory, 0600.

    Where it cannot be read or made, or is not private, there is one for this process alone: nothing of the user's is
    replaced, and the trouble says what to do.
    """
    global _for_this_session
    try:
        path = os.path.join(state_directory(), "key")
        try:
            return UserKey(_read_key(path), "")
        except FileNotFoundError:
            _make_key(path)
            return UserKey(_read_key(path), "")
    except (NotPrivate, OSError) as error:
        _for_this_session = _for_this_session or os.urandom(KEY_SIZE)
        return UserKey(_for_this_session, str(error))


def _read_key(path: str) -> bytes:
    advice = f"remove it, and a new one is made: rm {path}"
    try:
        fd = open_private(path, os.O_RDONLY)
    except NotPrivate as error:
        raise NotPrivate(f"{error}; {advice}") from None
    with open(fd, "rb", buffering=0) as file:
        if os.fstat(fd).st_mode & 0o077:
            raise NotPrivate(f"{path} can be read by others, so it is no secret; {advice}")
        secret = file.read(KEY_SIZE + 1)
    if len(secret) != KEY_SIZE:
        raise NotPrivate(f"{path} is damaged: a key has {KEY_SIZE} bytes; {advice}")
    return secret


def _make_key(path: str) -> None:
    """Whole or not at all; of two processes that do this at once, one's key is that of both."""
    made = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(made, "xb", opener=opener) as file:
            file.write(os.urandom(KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        with suppress(OSError):
            os.unlink(made)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(directory)
    finally:
        os.close(directory)
