"""`deepsc send --mic`: real PortAudio and ALSA, with a recording behind ALSA's file plugin as microphone."""

import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zmq
from host_process import deepsc, started
from scipy.signal import resample_poly

from gr_deepsc.link.assembler import Assembler
from gr_deepsc.link.protocol import unpack
from gr_deepsc.link.sockets import open_socket, receive_frames

SAMPLES = Path(__file__).parent / "samples"
NAMES = ("LJ002-0045", "arctic_a0209")


@pytest.fixture
def home(tmp_path):
    """A home folder whose microphone speaks two sentences, with a pause of 1.25 s after each."""
    speech = [soundfile.read(SAMPLES / f"{name}.flac")[0] for name in NAMES]
    hiss = np.random.default_rng(0).normal(0, 1e-4, 16000 * 40)
    hiss[8000 : 8000 + len(speech[0])] += speech[0]
    start = 8000 + len(speech[0]) + 20000
    hiss[start : start + len(speech[1])] += speech[1]
    resample_poly(hiss, 441, 160).astype("<f4").tofile(tmp_path / "microphone.raw")  # ALSA's null runs at 44.1 kHz
    (tmp_path / ".asoundrc").write_text(
        'pcm.!default { type file; slave.pcm "null"; file "/dev/null"; format "raw"\n'
        f'  infile "{tmp_path}/microphone.raw" }}\n'
    )
    return str(tmp_path)


@pytest.fixture
def link():
    """A bound PULL socket and its address."""
    context = zmq.Context()
    socket = open_socket(context, "pull", "tcp://127.0.0.1:*", bind=True)
    socket.setsockopt(zmq.RCVTIMEO, 20_000)  # ms, speech of some seconds on a busy machine
    yield socket, socket.getsockopt(zmq.LAST_ENDPOINT).decode()
    context.destroy(linger=0)


def utterances(socket, count):
    """So many whole ones; what there was of them so far, before each, is a beginning of it."""
    assembler, whole, so_far = Assembler(), [], []
    while len(whole) < count:
        utterance = assembler.push(*unpack(receive_frames(socket)))
        if utterance and utterance.partial:
            so_far.append(utterance)
        elif utterance:
            whole.append(utterance)
            assert all(np.array_equal(one.samples, utterance.samples[: len(one.samples)]) for one in so_far)
            assert {one.seq for one in so_far} == {utterance.seq}
            so_far = []
    return whole


def test_speech_is_cut_at_its_pauses_and_sent_at_16_khz(home, link):
    socket, address = link
    done = deepsc("send", "--mic", "--seconds", 10, "--user-id", 4, "--address", address, HOME=home)
    assert done.returncode == 0, done.stderr
    assert "listening" in done.stderr
    for seq, (utterance, name) in enumerate(zip(utterances(socket, 2), NAMES, strict=True)):
        assert (utterance.seq, utterance.user_id, utterance.sample_rate) == (seq, 4, 16000)
        spoken, _ = soundfile.read(SAMPLES / f"{name}.flac")
        # 0.8 s before and 0.32 s after, and the recordings begin and end with silence of their own
        assert len(utterance.samples) == pytest.approx(len(spoken), abs=16000 * 1.2)
        assert np.sum(utterance.samples**2) == pytest.approx(np.sum(spoken**2), rel=0.02)


def test_ctrl_c_ends_it_with_what_was_said(home, link):
    socket, address = link
    with started("send", "--mic", "--address", address, HOME=home) as process:
        utterances(socket, 2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_without_a_microphone_it_says_so(tmp_path, link):
    (tmp_path / ".asoundrc").write_text("pcm.!default { type hw; card 99 }\nctl.!default { type hw; card 99 }\n")
    done = deepsc("send", "--mic", "--address", link[1], HOME=str(tmp_path))
    assert done.returncode == 2
    assert "cannot listen to the microphone" in done.stderr.splitlines()[-1]
    assert "deepsc doctor" in done.stderr.splitlines()[-1]
    assert "listening" not in done.stderr  # it never did
