"""The door by itself: whatever comes in by it, the next question is answered, and the loop is held up by nobody."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow import private
from nbflow.scheduler import door as doors
from nbflow.scheduler.door import Door
from nbflow.scheduler.sockets import Sockets
from nbflow.wire.door import LONGEST, FlowState

SOMEBODY = 65534
STATE = FlowState("ab", "flow", 1, 2, 3.0, "/run", {"done": 4}, 5, 0)


class House:
    """A door in a place of its own, and the loop around it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sockets = Sockets()
        self.door = Door(self.sockets, {"state": lambda: self.ask("state"), "end": lambda: self.ask("end")})
        self.door.open("ab")

    def ask(self, verb: str) -> FlowState:
        self.asked.append(verb)
        return STATE

    def go_round(self, times: int = 20) -> None:
        for _ in range(times):
            self.sockets.wait(0)

    def visit(self, said: bytes = b"") -> socket.socket:
        """Come in and say something."""
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        visitor.settimeout(5)
        visitor.connect(self.door.path)
        if said:
            visitor.sendall(said)
        self.go_round()
        return visitor

    def answers(self) -> bool:
        """Whether a well-meant question is answered."""
        with self.visit(b'{"verb": "state"}\n') as visitor:
            return bool(
                json.loads(visitor.recv(4096)) == json.loads(msgspec.json.encode(STATE))
                and visitor.recv(1) == b""
            )


@pytest.fixture(scope="module")
def common() -> Iterator[Path]:
    """A short path, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="nbflow-test-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def house(common: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(private, "COMMON", str(common))
    made = House()
    yield made
    made.door.close()
    assert not os.path.lexists(made.door.path)
    assert list(common.iterdir()) == [], "the directory goes with the last socket"


def test_the_socket_and_its_directory_are_the_users_alone(house: House) -> None:
    for path, mode in ((house.door.path, 0o600), (os.path.dirname(house.door.path), 0o700)):
        found = os.lstat(path)
        assert stat.S_IMODE(found.st_mode) == mode
        assert found.st_uid == os.geteuid()
    assert house.answers()


def test_who_asks_for_the_end_is_told_of_it_by_the_end_of_the_connection(house: House) -> None:
    visitor = house.visit(b'{"verb":"end"}\n')
    assert json.loads(visitor.recv(4096))["id"] == "ab"
    assert house.asked == ["end"]
    assert house.door.due is None, "it may wait as long as it takes"
    visitor.setblocking(False)
    with pytest.raises(BlockingIOError):
        visitor.recv(1)
    house.door.close()
    assert visitor.recv(1) == b""
    visitor.close()


@settings(max_examples=150)
@given(
    st.lists(
        st.binary(max_size=3 * LONGEST)
        | st.sampled_from(
            [b'{"verb":', b"\n", b'{"verb": "run"}\n', b'["end"]\n', b'{"verb":"end","x":1}\n', b"\xff\n"]
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_whatever_is_said_ends_nothing_and_the_next_question_is_answered(
    parts: list[bytes], leaves: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        directory = tempfile.mkdtemp(prefix="nbflow-test-", dir="/tmp")
        patch.setattr(private, "COMMON", directory)
        house = House()
        try:
            visitor = house.visit()
            for part in parts:
                try:
                    visitor.sendall(part)
                except OSError:  # cut off by now
                    break
                house.go_round(5)
            if leaves:
                visitor.close()
            house.go_round()
            assert house.answers()
            assert "end" not in house.asked
            visitor.close()
        finally:
            house.door.close()
            os.rmdir(directory)


def test_a_question_in_pieces_is_understood_and_too_long_a_one_is_not(house: House) -> None:
    with house.visit() as visitor:
        for byte in b'{"verb":"state"}\n':
            visitor.sendall(bytes([byte]))
            house.go_round(2)
        assert visitor.recv(4096)
    with house.visit(b" " * (LONGEST + 1)) as visitor:
        assert visitor.recv(1) == b""


def test_those_who_come_and_say_nothing_hold_up_the_others_for_seconds_at_most(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    silent = [house.visit() for _ in range(doors.MOST)]
    late = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    late.settimeout(5)
    late.connect(house.door.path)
    late.sendall(b'{"verb":"state"}\n')
    house.go_round(50)
    assert house.asked == [], "the door is closed, and the loop is not called for it"
    assert house.door.due is not None
    assert house.door.due <= time.time() + doors.PATIENCE
    house.door.look(house.door.due + 1)
    house.go_round()
    assert json.loads(late.recv(4096))["id"] == "ab"
    assert [visitor.recv(1) for visitor in silent] == [b""] * doors.MOST
    assert house.door.due is None
    for visitor in [*silent, late]:
        visitor.close()
    for _ in range(2 * doors.MOST_NOTES):
        house.visit(b"nonsense\n").close()
    assert len(capfd.readouterr().err.splitlines()) == doors.MOST_NOTES, "the log does not grow by it"
    assert house.answers()


def test_a_door_that_can_let_nobody_in_rests(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, real: socket.socket) -> None:
            self.real, self.tries = real, 0

        def accept(self) -> None:
            self.tries += 1
            raise OSError(24, "Too many open files")

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    assert house.door._listener is not None
    full = Full(house.door._listener)
    monkeypatch.setattr(house.door, "_listener", full)
    visitor = house.visit(b'{"verb":"state"}\n')
    assert full.tries == 1
    monkeypatch.setattr(house.door, "_listener", full.real)
    assert house.door.due is not None
    house.door.look(house.door.due)
    house.go_round()
    assert visitor.recv(4096)
    visitor.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act for other users")
def test_another_user_is_kept_out_by_the_directory_and_cut_off_where_that_is_open(
    house: House, common: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def come_as_somebody() -> bytes:
        """What another user gets to hear: the error's name, or what was answered."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            said = b"nothing was tried"
            try:
                os.setgid(SOMEBODY)
                os.setuid(SOMEBODY)
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
                    visitor.settimeout(20)
                    visitor.connect(house.door.path)
                    os.write(write, b"in,")
                    visitor.sendall(b'{"verb":"end"}\n')
                    said = visitor.recv(4096)
            except OSError as error:
                said = type(error).__name__.encode()
            finally:
                os.write(write, said)
                os._exit(0)
        os.close(write)
        deadline = time.monotonic() + 30
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < deadline
            house.sockets.wait(0.05)
        with open(read, "rb") as pipe:
            return pipe.read()

    common.chmod(0o711)
    assert come_as_somebody() == b"PermissionError"
    Path(house.door.path).parent.chmod(0o777)
    Path(house.door.path).chmod(0o777)
    assert come_as_somebody() in (b"in,", b"in,BrokenPipeError", b"in,ConnectionResetError")
    assert house.asked == []
    assert f"a process of user {SOMEBODY} came to the door and was cut off" in capfd.readouterr().err
    Path(house.door.path).parent.chmod(0o700)
    assert house.answers()


def test_the_sockets_of_dead_flows_are_swept_and_those_of_others_are_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = os.path.dirname(house.door.path)
    for name in ("dead.sock", "new.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.bind(os.path.join(directory, name))
    Path(directory, "other").touch()
    past = time.time() - doors.STALE - 10
    for name in ("dead.sock", "ab.sock", "other"):
        os.utime(os.path.join(directory, name), (past, past))
    second = Door(Sockets(), {})
    second.open("cd")
    assert sorted(os.listdir(directory)) == ["ab.sock", "cd.sock", "new.sock", "other"]
    second.close()
    os.unlink(os.path.join(directory, "new.sock"))
    os.unlink(os.path.join(directory, "other"))


def test_without_a_private_place_there_is_no_door_and_the_log_says_so(
    common: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (common / "open").mkdir()
    (common / "open").chmod(0o777)
    with monkeypatch.context() as patch:
        patch.setattr(private, "COMMON", str(common / "open"))
        patch.setattr(private.tempfile, "gettempdir", lambda: str(common / "open"))
        patch.delenv("XDG_RUNTIME_DIR", raising=False)
        door = Door(Sockets(), {})
        door.open("ab")
    assert "this flow has no door" in capfd.readouterr().err
    assert door.due is None
    door.look(time.time())
    door.close()
    (common / "open").rmdir()
