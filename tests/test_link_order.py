"""Results in their order, sessions that have owners, turns that senders take, keys that come and go."""

import threading
import time

import pytest
import zmq
from deepsc_host.link.order import PATIENCE_S, Order
from hosts import free_addresses

from gr_deepsc.blocks.pdu import PduError
from gr_deepsc.blocks.turns import LIMIT_S, Turns
from gr_deepsc.link.owners import IDLE_S, MAX_SESSIONS, Owners
from gr_deepsc.link.protocol import Message, ProtocolError, unpack_result
from gr_deepsc.link.publisher import KEPT, Publisher, request
from gr_deepsc.link.sockets import Bound, LinkError, make_keys, open_socket, receive
from gr_deepsc.result import Result


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def message(number: int, publisher: str = "a") -> Message:
    return Message(Result(text=str(number)), [], publisher, number)


def numbers(messages) -> list[int]:
    return [each.number for each in messages]


@pytest.fixture
def order():
    """An `Order` whose clock and questions the test has."""
    clock, asked = Clock(), []
    order = Order(lambda *question: asked.append(question), clock)
    return order, clock, asked


def test_what_came_before_the_first_is_not_missed(order):
    order, _, asked = order
    assert numbers(order.take(message(7))) == [7] and numbers(order.take(message(8))) == [8]
    assert asked == [] and order.lost == 0


def test_a_gap_is_asked_for_and_filled(order):
    """Once; each number once, in order; what comes twice is dropped."""
    order, _, asked = order
    order.take(message(1))
    assert order.take(message(4)) == order.take(message(5)) == []
    assert asked == [("a", 1)]
    assert [numbers(order.take(message(n))) for n in (2, 3, 4, 5)] == [[2], [3, 4, 5], [], []]
    assert order.lost == 0


def test_what_nobody_has_is_lost_and_counted(order):
    order, clock, _ = order
    order.take(message(1))
    assert order.take(message(4)) == order.overdue() == []
    clock.now = PATIENCE_S
    assert numbers(order.overdue()) == [4] and order.lost == 2
    assert numbers(order.take(message(5))) == [5]


def test_a_flowgraph_started_again(order):
    """Its results count anew: those before the first that came are missed, and asked for."""
    order, _, asked = order
    order.take(message(9))
    assert order.take(message(3, "b")) == [] and asked == [("b", 0)]
    assert [numbers(order.take(message(n, "b"))) for n in (1, 2, 3)] == [[1], [2, 3], []]
    order.again()
    assert asked[-1] == ("b", 3)


def test_one_that_does_not_count(order):
    order, _, _ = order
    assert order.take(message(0, "")) == order.take(message(0, "")) == [message(0, "")]


def test_replay_over_a_socket():
    """Only to who asks, from where he asks on, all of it where the publisher is another one, at most `KEPT`."""
    (address,) = free_addresses(1)
    bound, context = Bound("xpub", address, ""), zmq.Context()
    publisher = Publisher(bound)
    one, other = (open_socket(context, "sub", address, False) for _ in range(2))
    deadline = time.monotonic() + 10
    while not (one.poll(50) and other.poll(50)) and time.monotonic() < deadline:
        publisher.send({"text": "are you there?"})  # until both are
    first = publisher.published
    for number in range(KEPT + 5):
        publisher.send({"text": str(number)})
    while one.poll(200):
        last = unpack_result(one.recv_multipart())
    while other.poll(200):
        other.recv_multipart()
    assert last.number == publisher.published == first + KEPT + 5
    for name, after, wanted in ((last.publisher, last.number - 3, 3), (last.publisher, 0, KEPT), ("gone", 10**6, KEPT)):
        topic = request("me", name, after)
        one.subscribe(topic)
        deadline, again = time.monotonic() + 10, []
        while len(again) < wanted and time.monotonic() < deadline:
            publisher.serve()
            while one.poll(20):
                again.append(one.recv_multipart())
        one.unsubscribe(topic)
        found = [unpack_result(frames[1:]).number for frames in again]
        assert found == list(range(last.number - wanted + 1, last.number + 1))
        assert {frames[0] for frames in again} == {topic}
    assert not other.poll(100)
    bound.close()
    context.destroy(linger=0)


def test_a_session_has_one_owner():
    clock = Clock()
    owners = Owners(clock)
    owners.claim("a", "peer 1")
    owners.claim("a", "peer 1")
    with pytest.raises(ProtocolError, match="another sender's") as taken:
        owners.claim("a", "peer 2")
    assert (taken.value.error_type, taken.value.session) == ("session_taken", "")
    owners.release("peer 1")
    owners.claim("a", "peer 2")
    clock.now = IDLE_S + 1
    owners.claim("a", "peer 3")
    for k in range(MAX_SESSIONS):
        owners.claim(f"session {k}", "peer 4")
    owners.claim("a", "peer 5")  # forgotten: memory is bounded


def test_connections_are_told_apart():
    (address,) = free_addresses(1)
    bound, context = Bound("pull", address, ""), zmq.Context()
    for _ in range(2):
        open_socket(context, "push", address, False).send(b"x")
    peers = [receive(bound.socket)[1] for _ in range(2)]
    assert len(set(peers)) == 2 and all(peer.startswith("connection ") for peer in peers)
    bound.close()
    context.destroy(linger=0)


def test_rights_and_keys_that_go(tmp_path):
    """A client who may only listen cannot send; one whose key is taken away is turned out, another one stays."""
    keys = tmp_path / "keys"
    make_keys(keys)
    listener = tmp_path / "listener"
    make_keys(listener)
    (listener / "server.key").write_bytes((keys / "server.key").read_bytes())
    (keys / "clients" / "listen" / "him.key").write_bytes((listener / "client.key").read_bytes())
    addresses, context = free_addresses(2), zmq.Context()
    audio, results = Bound("pull", addresses[0], keys), Bound("xpub", addresses[1], keys)
    publisher = Publisher(results)
    mine, his = (open_socket(context, "sub", addresses[1], False, folder) for folder in (keys, listener))
    my_push, his_push = (open_socket(context, "push", addresses[0], False, folder) for folder in (keys, listener))
    my_push.send(b"mine")
    frames, peer = receive(audio.socket)
    assert frames == [b"mine"] and peer in (keys / "client.key").read_text()
    his_push.setsockopt(zmq.SNDTIMEO, 300)
    with pytest.raises(zmq.Again):
        his_push.send(b"his")

    def heard(socket) -> bool:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            publisher.send({"text": "x"})
            if socket.poll(50):
                socket.recv_multipart()
                return True
        return False

    assert heard(mine) and heard(his)
    assert not results.turn_out()
    (keys / "clients" / "listen" / "him.key").unlink()
    assert results.turn_out()
    assert heard(mine)
    while his.poll(100):
        his.recv_multipart()
    assert not heard(his)
    for each in (audio, results):
        each.close()
    context.destroy(linger=0)


def test_a_secret_that_others_can_read_is_refused(tmp_path):
    make_keys(tmp_path / "keys")
    (tmp_path / "keys" / "server.key_secret").chmod(0o644)
    with pytest.raises(LinkError, match="chmod 600"):
        Bound("pull", free_addresses(1)[0], tmp_path / "keys")


def test_turns():
    """Of each sender in order; a short piece does not wait for the long ones of another; too much is refused."""
    done, gate, lock = [], threading.Event(), threading.Lock()

    def work(piece):
        if piece[0] == "long":
            gate.wait(10)
        with lock:
            done.append(piece)

    turns = Turns(work)
    for k in range(3):
        turns.put("long", 50.0, ("long", k))
    turns.start()
    for k in range(3):
        turns.put("short", 1.0, ("short", k))
    deadline = time.monotonic() + 10
    while len(done) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == [("short", k) for k in range(3)]
    with pytest.raises(PduError, match="100 s of this sender wait already"):
        turns.put("long", LIMIT_S - 99, ("long", 3))
    turns.put("other", LIMIT_S, ("other", 0))
    gate.set()
    while len(done) < 7 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [piece for piece in done if piece[0] == "long"] == [("long", k) for k in range(3)]
    turns.stop()
