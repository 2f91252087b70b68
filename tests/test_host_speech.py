"""What was recognised, as speech: files, pictures, PortAudio and GNU Radio's Audio Sink, with a file behind ALSA."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from graph import wait_until
from host_process import deepsc, deepsc_here, flowgraph, started
from hosts import free_addresses
from scipy.signal import correlate, resample_poly

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice.synthesizer import Synthesizer

TEXT = "a word or two"


def loudspeaker(folder: Path, file: str) -> None:
    """Makes `file` in the home `folder` what ALSA plays into: raw 16-bit samples, as fast as they are taken."""
    (folder / ".asoundrc").write_text(
        'pcm.!default { type plug; slave { pcm { type file; slave.pcm "null"; format "raw"\n'
        f'  file "{folder}/{file}" }} format S16_LE channels 1 }} }}\n'
    )


@pytest.fixture
def home(tmp_path):
    loudspeaker(tmp_path, "loudspeaker.raw")
    return tmp_path


@pytest.fixture
def recording(tmp_path, speak):
    path = tmp_path / "said.wav"
    soundfile.write(path, speak(TEXT), SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def said():
    """said[user_id]: TEXT in a registered user's voice, float32 at 16 kHz."""
    synthesizer = Synthesizer()
    return [synthesizer(TEXT, user_id) for user_id in (0, 1)]


def error_where_it_fits(raw: bytes, wanted: np.ndarray) -> float:
    """Largest difference between float32 [n] and the stretch of 16-bit samples that is most like it."""
    heard = np.frombuffer(raw, "<i2").astype(np.float32) / 32768
    best = correlate(heard, wanted, "valid", method="fft").argmax()
    return float(np.abs(heard[best : best + len(wanted)] - wanted).max())


def test_simulate_writes_speech_and_spectrograms(recording, fixture_model, said, tmp_path):
    """NAME.received.wav holds what `Synthesizer` says in the user's voice; NAME.png is a picture."""
    done = deepsc_here(
        "simulate", "--model", fixture_model, "--user-id", 1, "--json", "--out", tmp_path / "out", recording
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    samples, rate = soundfile.read(tmp_path / "out" / "said.received.wav", dtype="float32")
    assert rate == SAMPLE_RATE and result["text"] == TEXT
    np.testing.assert_allclose(samples, said[1], atol=1 / 32768)
    assert result["speech"] == str(tmp_path / "out" / "said.received.wav")
    assert (result["voice"], result["warning"]) == (1, None)
    assert result["speech_s"] == pytest.approx(len(samples) / rate, abs=1e-3) and result["synthesis_s"] > 0
    assert (tmp_path / "out" / "said.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "said.json").read_text()) == result


def test_simulate_plays(recording, fixture_model, said, home):
    """Through PortAudio and ALSA to the file behind the loudspeaker; an unregistered user is told."""
    done = deepsc("simulate", "--model", fixture_model, "--user-id", 9, "--play", recording, HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert "user 9 has no voice here: that of user 0" in done.stdout
    assert error_where_it_fits((home / "loudspeaker.raw").read_bytes(), said[0]) < 2 / 32768


def test_without_a_sound_device_all_else_is_done(recording, fixture_model, tmp_path):
    """With --out nothing is missing; without, the exit status says that something is."""
    options = ("simulate", "--model", fixture_model, "--play", "--device", "no such device", recording)
    done = deepsc_here(*options)
    assert done.returncode == 1 and "no audio output" in done.stderr and TEXT in done.stdout
    done = deepsc_here(*options, "--out", tmp_path / "out")
    assert done.returncode == 0 and (tmp_path / "out" / "said.received.wav").exists()


def test_receive_plays_and_saves(recording, fixture_model, said, home):
    """Audio from one process, the flowgraph in a second one, speech in a third: the mission of this project."""
    audio, results = free_addresses()
    with flowgraph("sim_fading", fixture_model, audio, results, "--es-n0-db", "30"):
        folder = home / "received"
        with started(
            "receive", "--address", results, "--count", 2, "--timeout", 60, "--play", "--out", folder, "--json",
            HOME=str(home),
        ) as receiver:  # fmt: skip
            receiver.stderr.readline()  # it listens
            printed = []
            for user_id in (1, 8):  # one after the other: one sender's words may overtake another's
                sent = deepsc_here("send", "--address", audio, "--user-id", user_id, recording)
                assert sent.returncode == 0, sent.stderr
                printed.append(receiver.stdout.readline())
            _, complaints = receiver.communicate(timeout=60)
        assert receiver.returncode == 0, complaints
    registered, stranger = map(json.loads, printed)
    assert (registered["voice"], registered["speech"]) == (1, str(folder / "0001-user1.wav"))
    assert (stranger["voice"], stranger["speech"]) == (0, str(folder / "0002-user8.wav"))
    assert "no voice" in stranger["warning"] and registered["warning"] is None
    samples, rate = soundfile.read(registered["speech"], dtype="float32")
    np.testing.assert_allclose(samples, said[1], atol=1 / 32768)
    assert rate == SAMPLE_RATE
    heard = (home / "loudspeaker.raw").read_bytes()  # of the last: the stream is opened anew for each
    assert error_where_it_fits(heard, said[0]) < 2 / 32768


def test_sim_listen_plays_inside_gnuradio(recording, fixture_model, said, tmp_path):
    """Speech Source and Audio Sink: the sentence is in what the sound card gets, between silences."""
    loudspeaker(tmp_path, "fifo")
    os.mkfifo(tmp_path / "fifo")
    heard, ended = bytearray(), threading.Event()

    def listen():  # whoever reads sets the pace: here ten times real time
        with open(tmp_path / "fifo", "rb", buffering=0) as fifo:
            while not ended.wait(0.01):
                heard.extend(fifo.read(9600))

    threading.Thread(target=listen, daemon=True).start()
    audio, results = free_addresses()
    with flowgraph("sim_listen", fixture_model, audio, results, "--es-n0-db", "30", HOME=str(tmp_path)):
        done = deepsc_here("send", "--wait", "--address", audio, "--result-address", results, recording)
        assert done.returncode == 0 and done.stdout.startswith(TEXT), done.stderr
        wanted = resample_poly(said[0], 3, 1)
        wait_until(lambda: np.count_nonzero(np.frombuffer(bytes(heard[: len(heard) & ~1]), "<i2")) > 0.9 * len(wanted))
        wait_until(lambda: not any(heard[-4800:]))
        ended.set()
    assert error_where_it_fits(bytes(heard[: len(heard) & ~1]), wanted) < 3 / 32768
