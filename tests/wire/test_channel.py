"""Frames: whatever pieces they arrive in, the messages are those that were sent."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.wire.channel import Channel, ChannelClosed, Frames, Port, frame_of
from nbflow.wire.messages import Cancel, FromWorker, Hello, Release
from nbflow.wire.outbox import SIZE, Outbox, make

MESSAGES = st.lists(
    st.one_of(
        st.builds(Hello, st.integers(0, 2**40)),
        st.builds(Release, st.lists(st.integers(0, 2**60))),
        st.builds(Cancel, st.lists(st.integers(0, 9))),
    ),
    min_size=1,
)


@given(st.lists(MESSAGES, min_size=1), st.data())
def test_messages_arrive_whole_and_in_order_however_the_bytes_are_cut(
    batches: list[list[object]], data: st.DataObject
) -> None:
    sender: Frames[object] = Frames(FromWorker)
    stream = b"".join(bytes(sender.pack(batch)) for batch in batches)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    receiver: Frames[object] = Frames(FromWorker)
    got: list[object] = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += receiver.unpack(stream[begin:end])
    assert got == [message for batch in batches for message in batch]


@given(st.lists(MESSAGES))
def test_a_frame_of_messages_encoded_before_is_read_as_any_other(batches: list[list[object]]) -> None:
    frames: Frames[object] = Frames(FromWorker)
    encoded = b"".join(frames.encode(batch) for batch in batches)
    messages = [message for batch in batches for message in batch]
    assert frames.unpack(frame_of(len(messages), encoded)) == messages


def test_whole_frames_can_be_read_while_another_one_is_half_read() -> None:
    frames: Frames[object] = Frames(FromWorker)
    first, second = bytes(frames.pack([Hello(1)])), bytes(frames.pack([Hello(2)]))
    assert frames.unpack(first[:3]) == []
    assert frames.unpack_alone(second) == [Hello(2)]
    assert frames.unpack(first[3:]) == [Hello(1)]


def test_a_closed_peer_is_an_error_with_a_name() -> None:
    a, b = socket.socketpair()
    channel: Channel[object] = Channel(a, FromWorker)
    b.close()
    with pytest.raises(ChannelClosed):
        channel.receive()
    with pytest.raises(ChannelClosed):
        channel.send([Hello(1)])
    channel.close()


@pytest.mark.parametrize(
    "junk",
    [b"12345678", b"\x05\0\0\0\xfa\xff\xff\xffhello", b"\x01\0\0\0\xfe\xff\xff\xff\x90" * 2 + b"?" * 9],
)
def test_what_is_no_frame_is_as_if_the_peer_had_gone(junk: bytes) -> None:
    a, b = socket.socketpair()
    port: Port[object] = Port(a, FromWorker)
    b.sendall(junk)
    with pytest.raises(ChannelClosed):
        port.receive()
    port.close()
    b.close()


def test_both_ends_are_told_when_a_send_has_failed() -> None:
    class Failing(socket.socket):
        def send(self, *_: object) -> int:
            raise OSError("no buffer space")

        def sendall(self, *_: object) -> None:
            raise OSError("no buffer space")

    def port_sends(sock: socket.socket) -> None:
        port: Port[object] = Port(sock, FromWorker)
        port.outgoing.append(Hello(1))
        port.flush()

    def channel_sends(sock: socket.socket) -> None:
        channel: Channel[object] = Channel(sock, FromWorker)
        channel.send([Hello(1)])

    for sends in (port_sends, channel_sends):
        a, b = socket.socketpair()
        ours = Failing(fileno=a.detach())
        with pytest.raises(ChannelClosed, match="no buffer space"):
            sends(ours)
        for end in (ours, b):
            channel: Channel[object] = Channel(end, FromWorker)
            with pytest.raises(ChannelClosed):
                channel.receive()
            channel.close()


def test_a_port_keeps_what_the_peer_does_not_take_and_sends_it_later() -> None:
    a, b = socket.socketpair()
    port: Port[object] = Port(a, FromWorker)
    peer: Channel[object] = Channel(b, FromWorker)
    ids = list(range(10**6, 10**6 + 400_000))
    port.outgoing.append(Release(ids))
    assert port.flush() is False
    got: list[object] = []
    while not got:
        got = peer.receive_some()
        port.flush()
    assert got == [Release(ids)]
    assert port.flush() is True
    port.close()
    peer.close()


def test_an_outbox_shows_the_other_end_what_was_added_and_not_crossed_out() -> None:
    fd = make()
    writer, reader = Outbox(fd), Outbox(fd)
    os.close(fd)
    frames: Frames[object] = Frames(FromWorker)
    assert writer.add(2, frames.encode([Hello(1), Hello(2)]))
    assert writer.add(1, frames.encode([Hello(3)]))
    assert frames.unpack(reader.frame()) == [Hello(1), Hello(2), Hello(3)]
    writer.cross_out()
    assert frames.unpack(reader.frame()) == []
    assert writer.empty
    assert not writer.add(1, bytes(SIZE))
    assert frames.unpack(reader.frame()) == []
    writer.close()
    reader.close()
