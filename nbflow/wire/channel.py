"""Frames on a socket: a list of messages goes in at one end and comes out at the other.

A frame is a length (4 bytes, little endian), its complement, and a MessagePack array of messages: what somebody else
has written to the socket is known by its first bytes, and not waited for as if it were a large frame. `Channel` blocks
and serves a process that has one peer; `Port` never blocks and serves the scheduler's loop, which has many. Nothing
here knows what a message means.

    send([m1, m2]) ──> [length][~length][m1 m2] ──socket──> frames ──> [m1, m2]
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

M = TypeVar("M")

_HEADER = struct.Struct("<II")
_ARRAY = struct.Struct(">BI")  # MessagePack's array, in the longest of its forms
_ARRAY_32 = 0xDD
_CHUNK = 1 << 18
LARGEST = (1 << 32) - 1  # bytes in a frame


class ChannelClosed(ConnectionError):
    """The peer has closed its end, or died."""


class NoFrame(ChannelClosed):
    """What has come cannot be read: nothing more can be heard here, though the peer may be well."""


def _broken(sock: socket.socket, error: OSError) -> ChannelClosed:
    """A send or a read has failed: a part of a frame is lost, so nothing can follow it. Both ends are told."""
    with suppress(OSError):  # the peer was faster
        sock.shutdown(socket.SHUT_RDWR)
    return ChannelClosed(str(error))


def _sizes(size: int) -> tuple[int, int]:
    """What a frame begins with whose content has so many bytes. Raises like `Frames.pack`."""
    if size > LARGEST:
        raise OverflowError(f"a frame of {size} bytes is too large, at most {LARGEST} can be sent")
    return size, size ^ LARGEST


def frame_of(count: int, encoded: bytes) -> bytes:
    """A frame of so many messages that are encoded already, one after the other. Raises like `Frames.pack`."""
    sizes = _sizes(_ARRAY.size + len(encoded))
    return b"%b%b%b" % (_HEADER.pack(*sizes), _ARRAY.pack(_ARRAY_32, count), encoded)


class Frames(Generic[M]):
    """Turns messages into the bytes of a frame, and bytes as they arrive into messages."""

    def __init__(self, accepts: Any) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[list[M]] = msgspec.msgpack.Decoder(list[accepts])
        self._rest = bytearray()

    def pack(self, messages: list[Any]) -> bytearray:
        """One frame.

        Raises:
            OverflowError: it would be larger than `LARGEST`.
        """
        frame = bytearray(_HEADER.size)
        try:
            self._encoder.encode_into(messages, frame, _HEADER.size)
        except (UnicodeEncodeError, TypeError):
            self._encoder.encode_into([_plain(message) for message in messages], frame, _HEADER.size)
        _HEADER.pack_into(frame, 0, *_sizes(len(frame) - _HEADER.size))
        return frame

    def encode(self, messages: list[Any]) -> bytes:
        """The messages one after the other, for a frame that is made later: see `frame_of`."""
        encode = self._encoder.encode
        try:
            return b"".join(map(encode, messages))
        except (UnicodeEncodeError, TypeError):
            return b"".join(encode(_plain(message)) for message in messages)

    def unpack(self, data: bytes | memoryview) -> list[M]:
        """All messages that are complete with `data`.

        Raises:
            NoFrame: it is none.
        """
        if not self._rest:
            end = len(data)
            if end >= _HEADER.size:  # nearly always one frame, and whole
                size, again = _HEADER.unpack_from(data)
                if size + _HEADER.size == end and size == again ^ LARGEST:
                    return self._messages(data[_HEADER.size :])
            found, begin = self._decode(memoryview(data))
            self._rest += data[begin:]
            return found
        self._rest += data
        with memoryview(self._rest) as view:
            found, begin = self._decode(view)
        if begin:
            del self._rest[:begin]
        return found

    def _decode(self, view: memoryview) -> tuple[list[M], int]:
        """The messages of the whole frames, and where the rest begins."""
        found: list[M] = []
        begin, end = 0, len(view)
        while end - begin >= _HEADER.size:
            size, again = _HEADER.unpack_from(view, begin)
            if size != again ^ LARGEST:
                raise NoFrame("what has come is no frame")
            stop = begin + _HEADER.size + size
            if stop > end:
                break
            found += self._messages(view[begin + _HEADER.size : stop])
            begin = stop
        return found, begin

    def _messages(self, content: bytes | memoryview) -> list[M]:
        try:
            return self._decoder.decode(content)
        except ValueError as error:  # msgspec's are, and that of text which is not UTF-8
            raise NoFrame(f"what has come is no frame: {error}") from error

    def unpack_alone(self, data: bytes) -> list[M]:
        """All messages of whole frames, whatever else is half read."""
        rest, self._rest = self._rest, bytearray()
        try:
            return self.unpack(data)
        finally:
            self._rest = rest


def _plain(value: Any) -> Any:
    """A message with what the user's texts and numbers may be and MessagePack knows nothing of put into words it has.

    That is half a surrogate pair, as in a file name that is no UTF-8, which is escaped, and a class of one's own that
    is a kind of text or number.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, msgspec.Struct):
        return type(value)(*(_plain(getattr(value, name)) for name in value.__struct_fields__))
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if isinstance(value, float) else int(value)
    return value


def _arrived(sock: socket.socket, space: memoryview, frames: Frames[M], flags: int = 0) -> list[M]:
    """What one read completes that does not wait, into `space`; nothing where nothing has come.

    Raises:
        ChannelClosed: the peer is gone.
    """
    try:
        size = sock.recv_into(space, 0, flags)
    except BlockingIOError:
        return []
    except OSError as error:
        raise _broken(sock, error) from error
    if not size:
        raise ChannelClosed("the peer has closed its end")
    return frames.unpack(space[:size])


class Channel(Generic[M]):
    """The blocking end of a socket. One thread may receive while another sends; senders lock among themselves."""

    def __init__(self, sock: socket.socket, accepts: Any) -> None:
        self.sock = sock
        self._frames: Frames[M] = Frames(accepts)
        # made once: fresh memory for every read costs three system calls
        self._space = memoryview(bytearray(_CHUNK))

    def fileno(self) -> int:
        """For a selector."""
        return self.sock.fileno()

    def pack(self, messages: list[Any]) -> bytearray:
        """A frame, not yet sent."""
        return self._frames.pack(messages)

    def encode(self, messages: list[Any]) -> bytes:
        """What a frame is to be made of, see `frame_of`."""
        return self._frames.encode(messages)

    def send(self, messages: list[Any]) -> None:
        """Send one frame, whole. Raises like `send_frame`."""
        self.send_frame(self._frames.pack(messages))

    def send_frame(self, frame: bytes | bytearray) -> None:
        """Send a frame, whole.

        Raises:
            ChannelClosed: the peer is gone.
        """
        try:
            self.sock.sendall(frame)
        except OSError as error:
            raise _broken(self.sock, error) from error

    def send_some(self, data: bytearray | memoryview) -> int:
        """Send what there is room for now; how many bytes that were.

        Raises:
            ChannelClosed: the peer is gone.
        """
        try:
            return self.sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _broken(self.sock, error) from error

    def receive(self) -> list[M]:
        """The messages of at least one frame; waits for it.

        Raises:
            ChannelClosed: the peer is gone.
        """
        while True:
            if messages := self.receive_some():
                return messages

    def receive_some(self) -> list[M]:
        """What one read of the socket completes, which may be nothing; waits for the read."""
        try:
            size = self.sock.recv_into(self._space)
        except OSError as error:
            raise _broken(self.sock, error) from error
        if not size:
            raise ChannelClosed("the peer has closed its end")
        return self._frames.unpack(self._space[:size])

    def receive_ready(self) -> list[M]:
        """What has arrived, which may be nothing.

        Raises:
            ChannelClosed: the peer is gone.
        """
        return _arrived(self.sock, self._space, self._frames, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Close this end; a thread that receives at the other end gets `ChannelClosed`."""
        with suppress(OSError):  # the peer was faster
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Port(Generic[M]):
    """The end of a socket that never blocks: what cannot be sent now waits here."""

    def __init__(self, sock: socket.socket, accepts: Any) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.outgoing: list[Any] = []  #: messages of the next frame
        self._frames: Frames[M] = Frames(accepts)
        # made once: fresh memory for every read costs three system calls
        self._space = memoryview(bytearray(_CHUNK))
        self._unsent: deque[memoryview] = deque()

    def fileno(self) -> int:
        """For a selector."""
        return self.sock.fileno()

    def unpack(self, data: bytes) -> list[M]:
        """Whole frames that came by another way than the socket."""
        return self._frames.unpack_alone(data)

    def receive(self) -> list[M]:
        """What has arrived, which may be nothing.

        Raises:
            ChannelClosed: the peer is gone.
        """
        return _arrived(self.sock, self._space, self._frames)

    def flush(self) -> bool:
        """Send `outgoing` as one frame; True if everything is on its way, False if the selector must call again.

        Raises:
            ChannelClosed: the peer is gone.
        """
        if self.outgoing:
            frame = self._frames.pack(self.outgoing)
            self.outgoing.clear()
            sent = 0 if self._unsent else self._send(frame)
            if sent == len(frame):
                return True
            self._unsent.append(memoryview(frame)[sent:])
        while self._unsent:
            head = self._unsent[0]
            sent = self._send(head)
            if sent < len(head):
                self._unsent[0] = head[sent:]
                return False
            self._unsent.popleft()
        return True

    def _send(self, data: bytearray | memoryview) -> int:
        """How many bytes the peer has taken."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _broken(self.sock, error) from error

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
