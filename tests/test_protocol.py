"""gr_deepsc.link.protocol, assembler and link: sound messages pass, others are refused, memory is bounded."""

import json

import numpy as np
import pytest
import zmq
from deepsc_host.show import report

from gr_deepsc.link import protocol
from gr_deepsc.link import sockets as link
from gr_deepsc.link.assembler import Assembler
from gr_deepsc.link.protocol import ProtocolError

RNG = np.random.default_rng(2)


def chunk(samples=(), **changes):
    return protocol.pack_audio(np.asarray(samples, np.float32), **({"session": "s", "seq": 0} | changes))


def push_all(assembler, messages):
    return [assembler.push(*protocol.unpack(frames)) for frames in messages]


@pytest.mark.parametrize(("format", "tolerance"), [("f32", 0), ("s16", 0.5 / 32768)])
def test_an_utterance_survives_being_cut_into_chunks(format, tolerance):
    samples = RNG.uniform(-0.99, 0.99, 20_001).astype(np.float32)
    messages = list(
        protocol.pack_utterance(samples, session="me", seq=7, user_id=65535, sample_rate=8000, format=format)
    )
    assert len(messages) == 6  # 20,001 samples in chunks of 4,000
    *none, utterance = push_all(Assembler(), messages)
    assert none == [None] * 5
    assert (utterance.session, utterance.seq, utterance.user_id, utterance.sample_rate) == ("me", 7, 65535, 8000)
    assert utterance.samples.dtype == np.float32
    assert np.abs(utterance.samples - samples).max() <= tolerance


def test_what_came_so_far_is_given_when_the_sender_says_so():
    """All of it each time, then the whole; but not for each of many small chunks."""
    assembler, speech = Assembler(), np.arange(40_000, dtype=np.float32) / 40_000
    first = [*protocol.pack_utterance(speech[:16_000], whole=False, session="s", seq=3)]
    soon = [*protocol.pack_utterance(speech[16_000:17_000], chunk=len(first), whole=False, session="s", seq=3)]
    rest = [*protocol.pack_utterance(speech[17_000:], chunk=len(first) + 1, session="s", seq=3)]
    got = [one for one in push_all(assembler, first + soon + rest) if one]
    assert [(one.partial, len(one.samples), one.seq) for one in got] == [(True, 16_000, 3), (False, 40_000, 3)]
    assert np.array_equal(got[1].samples, speech)


def test_the_wire_format_is_fixed():
    """One vector, byte for byte, for whoever writes another client."""
    header, payload = protocol.pack_audio(
        np.array([0.5, -1], np.float32), session="a", seq=1, chunk=2, end=True, user_id=3, sample_rate=16000
    )
    assert header == (
        b'{"version":1,"type":"audio","session":"a","seq":1,"chunk":2,"end":true,"user_id":3,'
        b'"sample_rate":16000,"format":"f32"}'
    )
    assert payload == bytes.fromhex("0000003f000080bf")
    assert chunk([0.5, -1], format="s16")[1] == bytes.fromhex("00400080")


SOUND = json.loads(chunk()[0])


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"{}"],
        [b"", b""],
        [b"{}", b"", b""],
        [b"[]", b""],
        [b"null", b""],
        [b"\xff\xfe", b""],
        [b"[" * 4096, b""],  # nested deeper than the parser goes
        [b'{"version":NaN}', b""],
        [b" " * 4097, b""],
        [b'{"version":1,"type":"audio","seq":' + b"9" * 4000 + b"}", b""],
    ],
)
def test_malformed_messages_are_refused(frames):
    with pytest.raises(ProtocolError) as caught:
        protocol.unpack(frames)
    assert caught.value.error_type == "bad_message"
    assert "\n" not in str(caught.value)
    protocol.pack_result(caught.value.result())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", True),
        ("version", "1"),
        ("type", "video"),
        ("type", ["audio"]),
        ("session", ""),
        ("session", "x" * 65),
        ("session", "a\nb"),
        ("session", "\ud800"),
        ("session", 5),
        ("seq", -1),
        ("seq", 1.0),
        ("seq", True),
        ("seq", 2**31),
        ("chunk", None),
        ("end", 1),
        ("user_id", 65536),
        ("user_id", "1"),
        ("sample_rate", 7999),
        ("sample_rate", 192_001),
        ("sample_rate", 1e4),
        ("format", "f64"),
        ("format", {}),
    ],
)
def test_each_header_field_is_checked(key, value):
    for frames in ([json.dumps(SOUND | {key: value}).encode(), b""],):
        with pytest.raises(ProtocolError) as caught:
            protocol.unpack(frames)
        assert caught.value.error_type == ("bad_rate" if value in (7999, 192_001) else "bad_message")
    missing = {name: given for name, given in SOUND.items() if name != key}
    with pytest.raises(ProtocolError):
        protocol.unpack([json.dumps(missing).encode(), b""])


def test_payload_rules():
    head = chunk()[0]
    with pytest.raises(ProtocolError, match="no multiple of 4"):
        protocol.unpack([head, b"\0" * 7])
    with pytest.raises(ProtocolError, match="at most"):
        protocol.unpack([head, b"\0" * (protocol.MAX_PAYLOAD + 4)])
    protocol.unpack([head, b"\0" * protocol.MAX_PAYLOAD])


def test_random_bytes_never_raise_anything_else():
    for _ in range(5000):
        frames = [RNG.bytes(int(RNG.integers(0, 200))) for _ in range(int(RNG.integers(0, 4)))]
        with pytest.raises(ProtocolError):
            protocol.unpack(frames)
    sound = chunk([1, 2, 3])[0]
    for _ in range(5000):  # one byte of a sound header changed: sound still, or a ProtocolError
        broken = bytearray(sound)
        broken[RNG.integers(len(broken))] = RNG.integers(256)
        try:
            protocol.unpack([bytes(broken), b"\0" * 12])
        except ProtocolError as error:
            protocol.pack_result(error.result())


def test_a_gap_is_reported_once_and_the_next_utterance_is_taken():
    assembler = Assembler()
    assembler.push(*protocol.unpack(chunk([1], end=False)))
    with pytest.raises(ProtocolError) as caught:
        assembler.push(*protocol.unpack(chunk([1], chunk=2, end=False)))
    assert (caught.value.error_type, caught.value.session, caught.value.seq) == ("gap", "s", 0)
    late = [chunk([1], chunk=3, end=False), chunk([1], chunk=4, end=True)]
    assert push_all(assembler, late) == [None, None]
    [utterance] = push_all(assembler, [chunk([1], seq=1)])
    assert utterance.seq == 1
    with pytest.raises(ProtocolError, match="chunk 5 came where 0 was due"):
        assembler.push(*protocol.unpack(chunk([1], seq=2, chunk=5)))
    assert assembler.pending_bytes == 0


def test_an_utterance_over_60_s_is_refused_without_being_kept():
    assembler, second = Assembler(), np.zeros(16000, np.float32)
    for number in range(60):
        assembler.push(*protocol.unpack(chunk(second, chunk=number, end=False)))
    with pytest.raises(ProtocolError) as caught:
        assembler.push(*protocol.unpack(chunk(second, chunk=60, end=False)))
    assert caught.value.error_type == "too_long"
    assert assembler.pending_bytes == 0


def test_a_header_that_changes_midway_is_refused():
    for change in ({"sample_rate": 8000}, {"format": "s16"}, {"user_id": 9}):
        assembler = Assembler()
        assembler.push(*protocol.unpack(chunk([1], end=False)))
        with pytest.raises(ProtocolError, match="changed within an utterance"):
            assembler.push(*protocol.unpack(chunk([1], chunk=1, **change)))


def test_a_sender_that_starts_over_loses_only_its_unfinished_utterance():
    assembler = Assembler()
    assembler.push(*protocol.unpack(chunk([1], end=False)))
    [utterance] = push_all(assembler, [chunk([2, 3])])
    assert utterance.samples.tolist() == [2, 3]
    [error] = assembler.abandoned()
    assert (error.error_type, error.seq) == ("incomplete", 0)
    assert assembler.abandoned() == []


def test_memory_is_bounded_in_sessions_bytes_and_time():
    now = [0.0]
    assembler = Assembler(max_sessions=10, max_bytes=1 << 20, idle_s=30, clock=lambda: now[0])
    for number in range(1000):  # 64 kB a session, never ended
        assembler.push(*protocol.unpack(chunk(np.zeros(16000), session=f"s{number}", end=False)))
        assert assembler.pending_bytes <= 1 << 20
    assert assembler.pending_bytes == 10 * 64000
    assert len(assembler.abandoned()) == 10  # the list itself is bounded as well
    now[0] = 31
    assert [error.session for error in assembler.abandoned()] == [f"s{number}" for number in range(990, 1000)]
    assert assembler.pending_bytes == 0
    by_bytes = Assembler(max_sessions=100, max_bytes=1 << 20)
    for number in range(100):
        by_bytes.push(*protocol.unpack(chunk(np.zeros(16000), session=f"s{number}", end=False)))
    assert by_bytes.pending_bytes == 16 * 64000  # of 1,048,576 bytes


def test_results_round_trip():
    given = {"session": "a", "seq": 1, "text": "wörld", "es_n0_db": np.float32(8), "n_symbols": np.int64(20)}
    got, speech, *_ = protocol.unpack_result(protocol.pack_result(given | {"confidence": float("nan"), "model": "x"}))
    assert len(speech) == 0 and got.speech_rate is None
    assert got.text == "wörld"
    assert (got.es_n0_db, got.n_symbols, got.confidence, got.model) == (8.0, 20, None, "x")
    assert (got.lost, got.error, got.user_id) == (False, None, None)
    long, *_ = protocol.unpack_result(protocol.pack_result(given | {"warning": "x" * 4096}))
    assert (long.text, long.warning) == ("wörld", None)
    for bad in ({"text": "x" * 4096}, {"lost": "no"}, {"text": None}, {"extra": object()}):
        with pytest.raises(ProtocolError):
            protocol.pack_result(given | bad)
    with pytest.raises(ProtocolError, match="a result was expected"):
        protocol.unpack_result(chunk())
    with pytest.raises(ProtocolError, match="an audio chunk was expected"):
        Assembler().push(*protocol.unpack(protocol.pack_result({})))


@pytest.mark.parametrize(
    "odd",
    [
        {"words": [["a", "b"]]},
        {"words": [[None, 0.5]]},
        {"words": "xy"},
        {"words": 5},
        {"codec": "x"},
        {"codec": [1]},
        {"rate": 0, "n_symbols": 20},
        {"n_symbols": 2**31 - 1, "n_bursts": 1, "rate": 520},
        {"word_confidence": "nan inf"},
        {"word_confidence": "1e999 -1"},
        {"timing": 1e308, "symbol_rate": 0.1},
        {"timing": 1.0, "symbol_rate": 0.0},
        {"cfo_hz": "loud", "evm": [1], "seed": True, "file": 7},
        {"text": "\x1b[2Jhello\nyou", "session": "s"},
    ],
)
def test_odd_values_of_a_result_are_nobodys(odd):
    """The protocol lets other programs' keys through: a result is made at once, it is JSON, and one line to read."""
    result, *_ = protocol.unpack_result(protocol.pack_result({"text": "hello you"} | odd))
    assert result.text and "".join(result.text.split()).endswith("helloyou")
    assert json.loads(json.dumps(result.as_json(), allow_nan=False))["text"] == result.text
    assert result.words == () and (result.overhead, result.nominal_s, result.time_s) == (None, None, None)
    assert report.line(result).isprintable()


def test_speech_goes_with_a_result():
    """16 bits: off by half a step at most, full scale clipped to the last level; sizes and rates are checked."""
    given = np.linspace(-1, 1, 999, dtype=np.float32)
    result, got, *_ = protocol.unpack_result(protocol.pack_result({"text": "a"}, given, 16_000))
    assert (result.text, result.speech_rate, got.dtype) == ("a", 16_000, np.float32)
    np.testing.assert_allclose(got[:-1], given[:-1], atol=0.51 / 32768)
    assert got[-1] == np.float32(32767 / 32768)
    for speech, rate in ((given, None), (given, 10), (np.zeros(protocol.MAX_PAYLOAD // 2 + 1), 16_000)):
        with pytest.raises(ProtocolError):
            protocol.pack_result({}, speech, rate)
    header, payload = protocol.pack_result({}, given, 16_000)
    for frames in ([header, payload[:-1]], [header, b""]):
        with pytest.raises(ProtocolError):
            protocol.unpack_result(frames)


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


def bound(context, kind="pull", **options):
    socket = link.open_socket(context, kind, "tcp://127.0.0.1:*", bind=True, **options)
    return socket, socket.getsockopt(zmq.LAST_ENDPOINT).decode()


def test_a_port_in_use_is_one_clear_line(context):
    _, address = bound(context)
    with pytest.raises(link.LinkError, match=f"{address} is in use"):
        link.open_socket(context, "pull", address, bind=True)


@pytest.mark.parametrize("address", ["", "5555", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "http://127.0.0.1:1"])
def test_bad_addresses(context, address):
    with pytest.raises(link.LinkError, match="is no address"):
        link.open_socket(context, "pull", address, bind=True)


@pytest.mark.parametrize("address", ["tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://10.0.0.1:5555", "tcp://[::]:5555"])
@pytest.mark.parametrize("bind", [True, False])
def test_off_loopback_needs_keys(context, address, bind):
    with pytest.raises(link.LinkError, match="deepsc keys"):
        link.open_socket(context, "pull" if bind else "push", address, bind)


def test_a_push_without_a_peer_gives_up(context):
    push = link.open_socket(context, "push", "tcp://127.0.0.1:9", bind=False)
    push.setsockopt(zmq.SNDTIMEO, 100)
    with pytest.raises(zmq.Again):
        push.send(b"")


def test_an_oversized_frame_costs_the_sender_its_connection_not_us(context):
    pull, address = bound(context)
    raw = context.socket(zmq.PUSH)
    raw.setsockopt(zmq.LINGER, 0)
    raw.connect(address)
    raw.send_multipart([b"x", b"\0" * (link.MAX_FRAME + 1)])
    with pytest.raises(zmq.Again):
        link.receive_frames(pull)
    good = link.open_socket(context, "push", address, bind=False)
    good.send_multipart(chunk([1]))
    assert protocol.unpack(link.receive_frames(pull))[0]["session"] == "s"


def test_a_message_of_many_frames_is_not_kept(context):
    pull, address = bound(context)
    push = link.open_socket(context, "push", address, bind=False)
    push.send_multipart([b"x"] * 500)
    push.send_multipart(chunk([1]))
    assert len(link.receive_frames(pull)) == 4
    assert len(link.receive_frames(pull)) == 2


def test_curve_lets_in_the_listed_clients_only(context, tmp_path):
    made = link.make_keys(tmp_path / "ours")
    assert all(path.stat().st_mode & 0o77 == 0 for path in made if path.name.endswith("_secret"))
    with pytest.raises(link.LinkError, match="has keys already"):
        link.make_keys(tmp_path / "ours")
    link.make_keys(tmp_path / "theirs")
    (tmp_path / "theirs" / "server.key").write_bytes((tmp_path / "ours" / "server.key").read_bytes())
    pull, address = bound(context, curve_key=tmp_path / "ours")
    friend = link.open_socket(context, "push", address, False, tmp_path / "ours")
    friend.send(b"hello")
    assert pull.recv() == b"hello"
    for keys in (tmp_path / "theirs", ""):  # knows the server's public key; knows nothing
        stranger = link.open_socket(context, "push", address, False, keys)
        stranger.setsockopt(zmq.SNDTIMEO, 300)
        with pytest.raises(zmq.Again):
            stranger.send(b"hello")
    with pytest.raises(link.LinkError, match="no CURVE keys"):
        link.open_socket(context, "push", address, False, tmp_path)
