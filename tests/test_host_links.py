"""`deepsc send` and `deepsc receive` against a flowgraph in a second process, over real ZeroMQ sockets."""

import json
import os
import signal
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
import zmq
from deepsc_host.files.transcripts import read_transcripts
from deepsc_host.link.results import ResultReader
from deepsc_host.show import report
from host_process import deepsc, deepsc_here, flowgraph, started
from hosts import free_addresses

from gr_deepsc.link.assembler import Assembler
from gr_deepsc.link.protocol import pack_result, pack_utterance, unpack, unpack_result
from gr_deepsc.link.sockets import open_socket, receive_frames
from gr_deepsc.phy.preamble import LONG
from gr_deepsc.phy.utterance import on_air
from gr_deepsc.result import Result

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, speak):
    folder = tmp_path_factory.mktemp("recordings")
    for text in ("first sentence", "second one"):
        soundfile.write(folder / f"{text.split()[0]}.wav", speak(text), 16000)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    minute = np.resize(np.pad(speak("sixty seconds"), (0, 16 * 16000)), 60 * 16000)  # few words: all are synthesised
    soundfile.write(folder / "minute.wav", minute, 16000)
    return folder


@pytest.fixture(scope="module")
def running(fixture_model):
    """sim_fading with the analytic model and its own codec; the process and its two addresses."""
    audio, results = free_addresses()
    options = "--rate", "paper", "--channel", "rician", "--es-n0-db", "25"
    with flowgraph("sim_fading", fixture_model, audio, results, *options) as process:
        yield process, audio, results


def send(audio, results, *arguments, timeout=60):
    """`deepsc send`, and its results with --json; over sockets to other processes, though it runs in this one."""
    where = ("--address", audio, "--result-address", results, "--timeout", timeout)
    done = deepsc_here("send", *where, *arguments)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def listen(results, *arguments):
    """`deepsc receive`, once it surely hears everything."""
    process = started("receive", "--address", results, "--timeout", "30", *arguments)
    return process


def wait_for_line(process, words):
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


def test_a_sentence_reaches_the_receiver_through_sim_fading(running, recordings):
    """The issue's test: send in one process, sim_fading in a second, receive in a third."""
    _, audio, results = running
    with listen(results, "--json", "--count", "2") as receiver:
        wait_for_line(receiver, "listening")
        files = recordings / "first.wav", recordings / "second.wav"
        done = deepsc("send", "--address", audio, "--user-id", 9, *files)
        assert done.returncode == 0, done.stderr
        out, _ = receiver.communicate(timeout=30)
    assert receiver.returncode == 0
    first, second = map(json.loads, out.splitlines())
    assert (first["text"], second["text"]) == ("first sentence", "second one")
    assert (first["seq"], second["seq"], first["user_id"]) == (0, 1, 9)
    assert first["session"] == second["session"]
    assert (first["channel"], first["es_n0_db_set"], first["lost"], first["error"]) == ("rician", 25, False, None)
    assert first["n_symbols"] % 20 == 0 and first["n_symbols"] > 0


def test_a_real_recording_reaches_the_receiver_with_the_default_model():
    audio, results = free_addresses()
    said = read_transcripts(str(SAMPLES / "transcripts.csv"))
    with flowgraph("sim_fading", "default", audio, results, "--channel", "rician", "--es-n0-db", "20"):
        done, got = send(audio, results, "--wait", "--json", *(SAMPLES / f"{name}.flac" for name in said))
    assert done.returncode == 0, done.stderr
    errors = [jiwer.cer(text, result["text"]) for text, result in zip(said.values(), got, strict=True)]
    assert np.mean(errors) <= 0.25, [result["text"] for result in got]


def test_send_waits_for_its_own_results(running, recordings):
    _, audio, results = running
    done, [*minute, second] = send(
        audio, results, "--wait", "--json", recordings / "minute.wav", recordings / "second.wav"
    )
    assert done.returncode == 0, done.stderr
    assert [each["text"] for each in minute] == ["sixty seconds"] * 4  # of a minute, the rest of which is silent
    assert [each["seq"] for each in [*minute, second]] == [0, 1, 2, 3, 4]
    assert all((each["error"], each["n_bursts"]) == (None, None) for each in minute)  # through no modem
    assert "minute.wav (2 of 4)" in done.stderr
    assert second["text"] == "second one"
    done, _ = send(audio, results, "--wait", recordings / "second.wav")
    assert done.stdout.startswith("second one  [user 0, ")
    assert "Es/N0 25.0 dB, 500 symbols/s, confidence" in done.stdout  # through no modem: nothing was on the air


def test_results_from_the_air_are_told_apart_without_a_session():
    """A burst carries user and seq modulo 32: other users', repeated and unasked results are not taken."""
    context, [address] = zmq.Context(), free_addresses(1)
    publisher = open_socket(context, "pub", address, bind=True)
    reader = ResultReader(context, address, session="mine", user_id=4)
    reader.wait_for_peer(10)
    for seq in (31, 32, 33):
        reader.expect(seq)
    published = [("", 0, 5), ("", 0, 4), ("", 0, 4), ("", -1, 0), ("", 7, 4), ("others", 31, 4), ("mine", 33, 4)]
    for session, seq, user_id in [*published, ("", 1, 4), ("", 31, 4)]:
        publisher.send_multipart(pack_result({"session": session, "seq": seq, "user_id": user_id}))
    got = [reader.read(5.0).result for _ in range(3)]
    assert [(result.session, result.seq) for result in got] == [("mine", 32), ("mine", 33), ("mine", 31)]
    assert reader.read(0.1) is None
    reader.close()
    publisher.close(linger=0)
    context.term()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_text_that_grows(as_json):
    """Programs are told each time; an utterance counts, and is a line to read, once its last result has come."""
    context, [address] = zmq.Context(), free_addresses(1)
    publisher = open_socket(context, "pub", address, bind=True)
    reader = ResultReader(context, address, session="mine", user_id=4)
    reader.wait_for_peer(10)
    reader.expect(0)
    texts = {"The": True, "The sun": True, "The sun set.": False}
    options = ["--json"] if as_json else []
    with started("receive", "--address", address, "--count", "1", "--timeout", "30", *options) as process:
        wait_for_line(process, "listening")
        for text, partial in texts.items():
            publisher.send_multipart(pack_result({"seq": 0, "user_id": 4, "text": text, "partial": partial}))
        out, _ = process.communicate(timeout=30)
    if as_json:
        assert [(one["text"], one["partial"]) for one in map(json.loads, out.splitlines())] == [*texts.items()]
    else:
        assert [line.split("  [")[0] for line in out.splitlines()] == ["The sun set."]
    assert [reader.read(5.0).result.partial for _ in texts] == [True, True, False] and not reader.waiting
    reader.close()
    publisher.close(linger=0)
    context.term()


# What a Burst Receiver says of a burst of which nobody knows whose it was.
UNREADABLE = {
    "error": "none of the likeliest headers fits its CRC",
    "error_type": "header_crc",
    "lost": True,
    "seq": -1,
    "es_n0_db": -11.0,
    "symbol_rate": 50_000.0,
}


@pytest.mark.parametrize("readable", [True, False], ids=["answered later", "never answered"])
def test_an_unreadable_burst_is_told_at_once_and_waited_past(recordings, readable):
    """It names no user: it may be ours or not. The utterance's own result ends the wait, or the timeout does."""
    context = zmq.Context()
    pull, publisher = (open_socket(context, kind, "tcp://127.0.0.1:*", bind=True) for kind in ("pull", "pub"))
    audio, results = (each.getsockopt(zmq.LAST_ENDPOINT).decode() for each in (pull, publisher))
    asked = ["--address", audio, "--result-address", results, "--timeout", "3", "--user-id", "4"]
    with started("send", "--wait", "--json", *asked, recordings / "first.wav") as sender:
        wait_for_line(sender, "sent ")
        publisher.send_multipart(pack_result(UNREADABLE))
        wait_for_line(sender, "1 burst was heard that could not be read: none of the likeliest headers")
        event = json.loads(sender.stdout.readline())
        assert sender.poll() is None  # its time is not over
        assert (event["error_type"], event["session"], event["seq"]) == ("header_crc", "", -1)
        if readable:
            publisher.send_multipart(pack_result({"seq": 0, "user_id": 4, "text": "first sentence"}))
        out, err = sender.communicate(timeout=30)
        assert sender.returncode == (0 if readable else 1)
    if readable:
        assert json.loads(out)["text"] == "first sentence"
    else:
        assert not out
        assert "no result for 1 of 1 utterances in 3 s; 1 burst was heard that could not be read" in err
    context.destroy(linger=0)


def test_snr_is_that_of_the_symbols_on_the_air():
    """C/N0 = Es/N0 + 10 lg(symbol rate) + what the burst's mean energy a symbol is above the payload's; Es/N0 alone
    where no radio is told of, or where nobody knows what the burst was."""
    result = {"session": "", "seq": 0, "user_id": 1, "text": "a", "error": None, "confidence": 0.5}
    result |= {"channel": None, "es_n0_db": 9.0, "n_symbols": 2000, "n_bursts": 1, "preamble": "long"}
    sent = on_air(2000, LONG)
    for rate in (50_000.0, 1_200):
        cn0 = 9 + 10 * np.log10(rate * sent.energy / sent.symbols)
        snr = cn0 - 10 * np.log10(3000)
        told = f"a  [user 1, Es/N0 9.0 dB (SNR in 3 kHz {snr:.1f} dB, C/N0 {cn0:.1f} dBHz), confidence 0.50]"
        assert report.line(Result.of(result, symbol_rate=rate)) == told
    for nonsense in (None, "50e3", 0, -1.0, 1e-320, float("inf"), 10**4000, [], {}):
        assert "Es/N0 9.0 dB, confidence" in report.line(Result.of(result, symbol_rate=nonsense))
    lost = report.line(unpack_result(pack_result(UNREADABLE)).result)
    assert lost == "LOST: none of the likeliest headers fits its CRC  [user unknown, Es/N0 -11.0 dB]"


def test_bad_files_do_not_stop_the_good_ones(running, recordings):
    _, audio, results = running
    files = [recordings / name for name in ("missing.wav", "first.wav", "silent.wav", "second.wav")]
    done, got = send(audio, results, "--wait", "--json", *files)
    assert done.returncode == 1
    assert [result["text"] for result in got] == ["first sentence", "second one"]
    complaints = [line for line in done.stderr.splitlines() if "missing.wav" in line or "silent.wav" in line]
    assert len(complaints) == 2 and "no result" not in done.stderr


def test_a_refused_utterance_is_a_result_and_sets_the_exit_status(running, fixture_model):
    """Silence that a careless client sends: the flowgraph's encoder refuses it, everyone is told."""
    _, audio, results = running
    with listen(results, "--count", "1") as receiver:
        wait_for_line(receiver, "listening")
        push_samples(audio, np.zeros(16000, np.float32), "careless")
        out, _ = receiver.communicate(timeout=30)
    assert receiver.returncode == 1
    assert out.startswith("LOST: the audio is silent")
    assert "careless#0" in out


def test_random_bytes_at_the_audio_port_are_reported_and_survived(running, recordings):
    process, audio, results = running
    rng = np.random.default_rng(4)
    context = zmq.Context()
    raw = open_socket(context, "push", audio, bind=False)
    with listen(results, "--json", "--count", "1") as receiver:
        wait_for_line(receiver, "listening")
        for _ in range(2000):
            raw.send_multipart([rng.bytes(int(rng.integers(0, 300))) for _ in range(int(rng.integers(1, 5)))])
        out, _ = receiver.communicate(timeout=30)
    result = json.loads(out)
    assert (result["error_type"], result["lost"], result["session"]) == ("bad_message", True, "")
    raw.close()
    context.term()
    done, [good] = send(audio, results, "--wait", "--json", recordings / "first.wav")
    assert (done.returncode, good["text"]) == (0, "first sentence")
    assert process.poll() is None
    resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 600e6  # bytes


def test_a_flowgraph_killed_and_restarted_is_found_again(fixture_model, recordings):
    """kill -9 of the flowgraph: the receiver says so, waits, and hears the next one without a restart."""
    audio, results = free_addresses()
    with listen(results, "--json", "--count", "2") as receiver:
        with flowgraph("sim_fading", fixture_model, audio, results, "--channel", "none") as first:
            wait_for_line(receiver, "listening")
            assert send(audio, results, recordings / "first.wav")[0].returncode == 0
            assert json.loads(receiver.stdout.readline())["text"] == "first sentence"
            first.send_signal(signal.SIGKILL)
            wait_for_line(receiver, "went away")
        with flowgraph("sim_fading", fixture_model, audio, results, "--channel", "none"):
            wait_for_line(receiver, "is back")
            assert send(audio, results, recordings / "second.wav")[0].returncode == 0
            out, _ = receiver.communicate(timeout=30)
    assert json.loads(out)["text"] == "second one"
    assert receiver.returncode == 0


def test_a_sender_killed_midway_leaves_the_flowgraph_working(running, recordings):
    """kill -9 of the sender after half an utterance: its session is dropped, others are served at once."""
    _, audio, results = running
    context = zmq.Context()
    push = open_socket(context, "push", audio, bind=False)
    chunks = list(pack_utterance(np.ones(32000, np.float32), session="dead", seq=0))
    push.send_multipart(chunks[0])
    push.close(linger=1000)
    context.term()
    done, [good] = send(audio, results, "--wait", "--json", recordings / "first.wav")
    assert (done.returncode, good["text"]) == (0, "first sentence")
    push_samples(audio, np.ones(16000, np.float32), "dead")  # the same sender, started again


def test_a_port_in_use_is_one_clear_line(running, fixture_model):
    _, audio, _ = running
    [free] = free_addresses(1)
    taken = ("--audio-address", audio, "--result-address", free)
    done = deepsc("flowgraph", "run", "sim_fading", "--", "--model", fixture_model, *taken)
    assert done.returncode == 2
    assert "is in use" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_no_peer_is_an_error_within_the_timeout(recordings):
    audio, results = free_addresses()
    for arguments in (
        ("send", "--address", audio, "--timeout", 0.5, recordings / "first.wav"),
        ("receive", "--address", results, "--timeout", 0.5),
    ):
        done = deepsc_here(*arguments)
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert "no flowgraph" in line and "deepsc flowgraph run" in line


def test_a_peer_that_never_answers_is_an_error(recordings):
    """A PULL socket that takes the audio, a PUB socket that says nothing: --wait gives up."""
    context = zmq.Context()
    sockets = [open_socket(context, kind, "tcp://127.0.0.1:*", bind=True) for kind in ("pull", "pub")]
    audio, results = (each.getsockopt(zmq.LAST_ENDPOINT).decode() for each in sockets)
    done, _ = send(audio, results, "--wait", recordings / "first.wav", timeout=1)
    assert done.returncode == 1
    assert "no result for 1 of 1 utterances" in done.stderr
    assert unpack(receive_frames(sockets[0]))[0]["type"] == "audio"
    done = deepsc_here("receive", "--address", results, "--timeout", 1)
    assert done.returncode == 1
    assert "0 results came" in done.stderr
    context.destroy(linger=0)


def test_the_wrong_options_are_refused(recordings):
    for arguments in (
        ["send"],
        ["send", "--mic", recordings / "first.wav"],
        ["send", "--address", "nonsense", recordings / "first.wav"],
        ["send", "--address", "tcp://192.0.2.1:5555", recordings / "first.wav"],
        ["receive", "--address", "tcp://*:5556"],
        ["receive", "--count", "0"],
        ["receive", "--curve-key", "/nowhere"],
    ):
        done = deepsc_here(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith(("deepsc: ", "deepsc receive: "))


def test_no_microphone_is_one_clear_line(running):
    _, audio, _ = running
    done = deepsc("send", "--mic", "--device", "no such device", "--address", audio)
    assert done.returncode == 2
    assert "deepsc doctor" in done.stderr.splitlines()[-1]


def test_curve_keys_reach_across(tmp_path, recordings):
    """`deepsc keys` on one side, `deepsc send --curve-key` on the other; without them no handshake."""
    assert deepsc_here("keys", tmp_path / "keys").returncode == 0
    context = zmq.Context()
    pull = open_socket(context, "pull", "tcp://127.0.0.1:*", bind=True, curve_key=tmp_path / "keys")
    address = pull.getsockopt(zmq.LAST_ENDPOINT).decode()
    sent = ("send", "--address", address)
    done = deepsc_here(*sent, "--curve-key", tmp_path / "keys", recordings / "second.wav")
    assert done.returncode == 0, done.stderr
    assembler, utterance = Assembler(), None
    while utterance is None:
        utterance = assembler.push(*unpack(receive_frames(pull)))
    assert len(utterance.samples) == len(soundfile.read(recordings / "second.wav")[0])
    assert deepsc_here(*sent, "--timeout", 1, recordings / "second.wav").returncode == 2
    context.destroy(linger=0)


def test_a_flowgraph_with_keys_listens_off_this_machine(fixture_model, tmp_path, recordings):
    """The parameter of the shipped flowgraphs: without it they refuse the address, with it they refuse strangers."""
    audio, results = (address.replace("127.0.0.1", "0.0.0.0") for address in free_addresses())
    listen_at = ["--audio-address", audio, "--result-address", results]
    done = deepsc("flowgraph", "run", "sim_fading", "--", "--model", fixture_model, *listen_at)
    assert done.returncode == 2 and "deepsc keys" in done.stderr.splitlines()[-1]
    keys = str(tmp_path / "keys")
    assert deepsc_here("keys", keys).returncode == 0
    with flowgraph("sim_fading", fixture_model, audio, results, "--channel", "none", curve_key=keys):
        done, got = send(audio, results, "--wait", "--json", "--curve-key", keys, recordings / "first.wav")
        assert (done.returncode, [result["text"] for result in got]) == (0, ["first sentence"]), done.stderr
        here = [address.replace("0.0.0.0", "127.0.0.1") for address in (audio, results)]
        done, _ = send(*here, recordings / "first.wav", timeout=1)
        assert done.returncode == 2 and "no flowgraph" in done.stderr


def push_samples(audio, samples, session):
    """Send an utterance as another program would, without the host's own checks."""
    context = zmq.Context()
    push = open_socket(context, "push", audio, bind=False)
    for frames in pack_utterance(samples, session=session, seq=0):
        push.send_multipart(frames)
    push.close(linger=2000)
    context.term()
