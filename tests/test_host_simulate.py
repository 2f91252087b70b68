"""`deepsc simulate`: recordings in, JSON lines or readable blocks out, bad files told apart."""

import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from deepsc_host.errors import HostError
from deepsc_host.graph.simulation import FlowgraphSimulation
from host_process import COMMAND
from host_process import deepsc as process
from host_process import deepsc_here as deepsc
from scipy.signal import resample_poly

from gr_deepsc.phy.frame import STRENGTH, Layout
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL, TAPS
from gr_deepsc.result import meanings
from gr_deepsc.simulation import Setting, Simulation

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, speak):
    """Good and bad files of every kind that the issue lists."""
    folder = tmp_path_factory.mktemp("recordings")
    hello = speak("hello world")
    soundfile.write(folder / "good.wav", hello, 16000)
    soundfile.write(folder / "stereo.flac", np.stack([hello, hello], axis=1), 16000)
    soundfile.write(folder / "narrow.wav", hello[::2], 8000)
    sentence = speak("sixty seconds of speech ")
    soundfile.write(folder / "minute.wav", np.tile(sentence, 99)[: 60 * 16000], 16000)
    soundfile.write(folder / "long.wav", np.zeros(601 * 8000), 8000)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "short.wav", hello[:100], 16000)
    soundfile.write(folder / "nan.wav", np.append(hello, np.nan), 16000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", hello, 4000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "corrupt.flac").write_bytes(b"fLaC" + b"\xff" * 5000)
    return folder


def simulate(model, *arguments, rate="paper", run=deepsc, **environment):
    """Most of these tests count frames: they use the fixture's own codec."""
    done = run("simulate", "--model", model, "--rate", rate, *arguments, **environment)
    return done, [json.loads(line) for line in done.stdout.splitlines()] if "--json" in arguments else []


def test_each_file_gets_its_line_whatever_the_others_are(recordings, fixture_model):
    """One call with all of them: the order is kept, the good come through, the bad are named."""
    expected = {
        "good.wav": None,
        "missing.wav": "missing",
        "corrupt.flac": "corrupt",
        "empty.wav": "empty",
        "stereo.flac": None,
        "short.wav": "empty",
        "silent.wav": "silent",
        "nan.wav": "not_finite",
        "long.wav": "too_long",
        "slow.wav": "bad_rate",
        "minute.wav": None,
        "narrow.wav": None,
    }
    files = [recordings / name for name in expected]
    done, results = simulate(fixture_model, "--json", "--user-id", 7, "--seed", 3, *files)
    assert done.returncode == 1
    assert [result["file"] for result in results] == [str(file) for file in files]
    for result, (name, error_type) in zip(results, expected.items(), strict=True):
        assert list(result) == list(meanings())
        assert (result["error_type"], result["lost"]) == (error_type, error_type is not None), name
        assert (result["error"] is None) == (error_type is None)
        told = result["user_id"], result["seed"], result["channel"], result["es_n0_db_set"]
        assert told == (7, 3, "awgn", 20)
    by_name = {Path(result["file"]).name: result for result in results}
    assert by_name["good.wav"]["text"] == by_name["stereo.flac"]["text"] == "hello world"
    assert by_name["good.wav"]["symbols_per_second"] == 500  # 25 frames a second of 20 symbols
    minute = by_name["minute.wav"]
    assert minute["n_symbols"] == 30_000 and minute["utterances"] >= 3  # 60 s of 500 symbols
    assert minute["text"] == " ".join(["sixty seconds of speech"] * 99)[: len(minute["text"])]
    numbers = {name: result["seq"] for name, result in by_name.items()}
    assert [numbers[name] for name in expected] == [*range(11), 10 + minute["utterances"]]
    assert by_name["narrow.wav"]["n_symbols"] == by_name["good.wav"]["n_symbols"]
    assert all(by_name[name]["rtf"] > 0 for name in ("good.wav", "stereo.flac", "narrow.wav", "minute.wav"))


def test_readable_output_and_exit_status_0(recordings, fixture_model):
    done, _ = simulate(fixture_model, "--channel", "rician", "--snr", 30, recordings / "good.wav")
    assert (done.returncode, done.stderr) == (0, "")
    assert "received    hello world" in done.stdout
    assert "estimated   Es/N0 " in done.stdout and " % of all symbols, in 1 burst" in done.stdout
    # 50,000 symbols/s on the air: 47.0 dBHz above Es/N0, and what preamble and pilots are stronger than the payload
    [snr, cn0] = re.search(r"rician, Es/N0 30.0 dB \(SNR in 3 kHz (.*) dB, C/N0 (.*) dBHz\)", done.stdout).groups()
    assert 30 + 47.0 < float(cn0) < 30 + 47.0 + 1.8 and float(cn0) - float(snr) == pytest.approx(34.8, abs=0.11)
    sizes = re.search(r"(\d+) of payload, (\d+) in all; 500 and (\d+) a second of speech", done.stdout).groups()
    payload, everything, rate = map(int, sizes)
    assert rate == pytest.approx(500 * everything / payload, abs=0.51)


def test_a_failure_is_one_line_on_stderr(recordings, fixture_model):
    for name, words in (("silent.wav", "silent"), ("nope.wav", "no file"), ("corrupt.flac", "cannot read")):
        done, _ = simulate(fixture_model, recordings / name)
        assert done.returncode == 1
        assert done.stdout == ""
        [line] = done.stderr.splitlines()
        assert words in line and name in line


def test_results_follow_from_the_seed_alone(recordings, fixture_model, tmp_path):
    """At -2 dB over Rayleigh fading there are errors: the same for the same seed, others for another."""
    samples, rate = soundfile.read(recordings / "minute.wav")
    soundfile.write(tmp_path / "8.wav", samples[: 8 * rate], rate)
    options = ("--json", "--channel", "rayleigh", "--snr", -2, tmp_path / "8.wav", tmp_path / "8.wav")

    def results(seed):
        _, found = simulate(fixture_model, "--seed", seed, *options)
        return [result | {"rtf": 0} for result in found]

    first = results(5)
    assert first == results(5)
    assert first[0]["text"] != first[1]["text"]  # each utterance of a call meets its own channel
    assert first[0]["text"] != results(6)[0]["text"]


def test_channel_none_is_clean(recordings, fixture_model):
    done, [result] = simulate(fixture_model, "--json", "--channel", "none", "--snr", -50, recordings / "good.wav")
    assert done.returncode == 0
    assert (result["text"], result["es_n0_db_set"]) == ("hello world", None)
    assert result["cn0_dbhz"] > result["es_n0_db"] + 47.0  # nothing was set: that of the receiver's estimate


def test_out_writes_all_of_each_file(recordings, fixture_model, tmp_path):
    """Of what is lost there is no speech; the second of a name gets a number."""
    good, silent = recordings / "good.wav", recordings / "silent.wav"
    done, results = simulate(fixture_model, "--json", "--out", tmp_path / "new" / "out", good, silent, good)
    assert done.returncode == 1
    kinds = ("json", "txt", "received.wav", "png")
    wanted = {f"{name}.{kind}" for name in ("good", "good-2") for kind in kinds} | {"silent.json", "silent.txt"}
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == wanted
    assert (tmp_path / "new" / "out" / "good.txt").read_text() == "hello world\n"
    assert json.loads((tmp_path / "new" / "out" / "silent.json").read_text()) == results[1]
    done, _ = simulate(fixture_model, "--out", good, good)
    assert (done.returncode, "cannot make the folder" in done.stderr) == (2, True)


def test_transcripts_give_a_character_error_rate(recordings, fixture_model, tmp_path):
    """Of what is spoken: capitals and punctuation are no errors."""
    (tmp_path / "said.csv").write_text("good|Hello,  word!\n")
    options = ("--json", "--transcripts", tmp_path / "said.csv", recordings / "good.wav")
    _, [result] = simulate(fixture_model, *options)
    assert (result["reference"], result["text_plain"]) == ("Hello, word!", "hello world")
    assert result["cer"] == 0.1  # one insertion in ten characters
    (tmp_path / "said.csv").write_text("good\n")
    done, _ = simulate(fixture_model, *options)
    assert done.returncode == 2
    assert "said.csv:1" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "/nowhere"],
        ["--channel", "vacuum"],
        ["--snr", "nan"],
        ["--snr", "loud"],
        ["--seed", "-1"],
        ["--user-id", "65536"],
        ["--rician-k", "-1"],
        ["--csi", "guessed"],
        ["--cfo-hz", "nan"],
        ["--cfo-hz", "30000"],
        ["--clock-ppm", "20000"],
        ["--delay-samples", "-1"],
        ["--symbol-rate", "0"],
        ["--profile", "vacuum"],
    ],
)
def test_bad_options_are_one_clear_line(arguments, recordings, fixture_model):
    done, _ = simulate(fixture_model, *arguments, recordings / "good.wav")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "deepsc" in done.stderr.splitlines()[-1]


def test_a_damaged_model_is_one_clear_line(recordings, tmp_path):
    for name in ("transmitter", "receiver"):
        (tmp_path / f"{name}.onnx").write_bytes(b"not a model")
    done, _ = simulate(tmp_path, recordings / "good.wav")
    assert done.returncode == 2
    assert "cannot load the model" in done.stderr.splitlines()[-1]


def test_only_the_flowgraph_needs_gnuradio(recordings, fixture_model, tmp_path):
    """The same texts without it; with --through-gnuradio a line that says what to do."""
    (tmp_path / "gnuradio").mkdir()
    (tmp_path / "gnuradio" / "__init__.py").write_text("raise ImportError('No module named gnuradio')\n")
    path, good = {"PYTHONPATH": str(tmp_path), "run": process}, recordings / "good.wav"
    done, _ = simulate(fixture_model, good, **path)
    assert (done.returncode, "hello world" in done.stdout) == (0, True)
    done, _ = simulate(fixture_model, "--through-gnuradio", good, **path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "setup`" in line


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "rician"])
def test_one_chain(recordings, fixture_model, tmp_path, channel):
    """`simulate`, the flowgraph, and `record` then `play` are one chain: all that a receiver finds out is the same.

    Two utterances, one of them of two bursts, at an Es/N0 that costs letters; to the last digit that is printed.
    """
    samples, rate = soundfile.read(recordings / "minute.wav")
    soundfile.write(tmp_path / "17.wav", samples[: 17 * rate], rate)
    path = (
        "--channel",
        channel,
        "--snr",
        4,
        "--seed",
        3,
        "--cfo-hz",
        -1500,
        "--drift-hz-s",
        2000,
        "--delay-samples",
        77.3,
    )
    files = ("--user-id", 5, recordings / "good.wav", tmp_path / "17.wav")
    _, simulated = simulate(fixture_model, "--json", *path, *files)
    _, through = simulate(fixture_model, "--json", "--through-gnuradio", *path, *files)
    file = tmp_path / "air.sigmf-meta"
    done = deepsc("record", "--model", fixture_model, "--rate", "paper", *path, *files, "--out", file)
    assert done.returncode == 0, done.stderr
    played = [json.loads(line) for line in deepsc("play", "--json", "--model", fixture_model, file).stdout.splitlines()]
    times = {"rtf", "decode_s"}
    assert [{k: v for k, v in r.items() if k not in times} for r in through] == [
        {k: v for k, v in r.items() if k not in times} for r in simulated
    ]
    # and where in the file it was: a file holds one utterance after the other
    sender_knows = {"file", "utterances", "seconds", "symbols_per_second", "channel", "csi", "seed", "es_n0_db_set"}
    sender_knows |= {"snr_3khz_db", "cn0_dbhz", "speech_cn0_dbhz", "word_n0_db", "air_symbols_per_second"}
    sender_knows |= {"timing", "time_s"} | times
    assert len(played) == 2 and played[1]["n_bursts"] == 2
    for ours, theirs in zip(simulated, played, strict=True):
        assert ours["text"] and ours["es_n0_db"] != ours["es_n0_db_set"]
        assert {k: v for k, v in theirs.items() if k not in sender_knows} == {
            k: v for k, v in ours.items() if k not in sender_knows
        }


def test_one_chain_of_a_long_recording(recordings, fixture_model, tmp_path):
    """A minute is several utterances: the same together and one by one, with their numbers, and the next file's after.

    At 4 dB over Rayleigh fading, so that letters are wrong: chance of each utterance follows from its number.
    """
    path = ("--channel", "rayleigh", "--snr", 4, "--seed", 3)
    files = ("--user-id", 5, recordings / "minute.wav", recordings / "good.wav")
    _, simulated = simulate(fixture_model, "--json", *path, *files)
    _, through = simulate(fixture_model, "--json", "--through-gnuradio", *path, *files)
    times = {"rtf": 0, "decode_s": 0}
    assert [r | times for r in through] == [r | times for r in simulated]
    minute, good = simulated
    assert (minute["seq"], good["seq"]) == (0, minute["utterances"])
    assert minute["text"].count("  ") == 0 and minute["text"] != " ".join(["sixty seconds of speech"] * 60)
    file = tmp_path / "air.sigmf-meta"
    done = deepsc("record", "--model", fixture_model, "--rate", "paper", *path, *files, "--out", file)
    assert (done.returncode, f"{minute['utterances'] + 1} utterances" in done.stdout) == (0, True)
    played = [json.loads(line) for line in deepsc("play", "--json", "--model", fixture_model, file).stdout.splitlines()]
    assert [each["seq"] for each in played] == list(range(minute["utterances"] + 1))
    assert " ".join(each["text"] for each in played[:-1]) == minute["text"]
    assert played[-1]["text"] == good["text"]
    assert sum(each["n_symbols"] for each in played[:-1]) == minute["n_symbols"] == 30_000
    marks = [mark["core:label"] for mark in json.loads(file.read_text())["annotations"]]
    assert [sum(f"utterance {seq}" in mark for mark in marks) for seq in range(len(played))] == [
        each["n_bursts"] for each in played
    ]


def test_utterances_that_are_lost_are_counted(recordings, fixture_model):
    """Over Rayleigh fading at -8 dB some bursts are found and others are not; the text is of those that came."""
    path = ("--json", "--channel", "rayleigh", "--snr", -8, "--seed", 2)
    done, [result] = simulate(fixture_model, *path, recordings / "minute.wav")
    assert (done.returncode, result["lost"], result["error_type"]) == (1, False, "utterances_missing")
    assert f" of {result['utterances']} utterances " in result["error"]
    assert 0 < result["received"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [16_000, 192_000])
def test_ten_minutes_take_bounded_memory(tmp_path, rate):
    """The default model, in a process of its own: 600 MB at most, whatever the file's rate; no word is lost or doubled.

    Measured: 460 MB for either, 230 MB of which an utterance of 3 s takes; a minute of one core.
    """
    clips = [soundfile.read(path, dtype="float32")[0] for path in sorted(SAMPLES.glob("*.flac"))]
    rng = np.random.default_rng(0)
    hiss = (1e-3 * rng.standard_normal(6000)).astype(np.float32)
    with soundfile.SoundFile(tmp_path / "ten.wav", "w", rate, 2, "PCM_16") as file:
        while file.frames < 594 * rate:
            clip = resample_poly(np.concatenate([clips[rng.integers(len(clips))], hiss]), rate // 16_000, 1)
            file.write(np.stack([clip, clip], axis=1))
    program = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]).returncode; "
    program += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done)"
    command = [sys.executable, "-c", program, *COMMAND, "simulate", "--json", tmp_path / "ten.wav"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line, kilobytes = done.stdout.splitlines()
    assert int(kilobytes) * 1024 < 600e6
    result = json.loads(line)
    assert result["seconds"] == pytest.approx(soundfile.info(tmp_path / "ten.wav").duration, abs=2)
    assert result["utterances"] >= 22  # 594 s / 28 s
    assert " ".join(word["word"] for word in result["words"]) == result["text"]


def test_ideal_csi_through_the_flowgraph(recordings, fixture_model):
    """The paper's channel, too, is the same in a block and out of it."""
    options = ("--json", "--csi", "ideal", "--channel", "rayleigh", "--snr", 3, recordings / "minute.wav")
    (_, [direct]), (_, [through]) = (simulate(fixture_model, *options, *more) for more in ((), ("--through-gnuradio",)))
    assert direct | {"rtf": 0, "decode_s": 0} == through | {"rtf": 0, "decode_s": 0}


def test_the_class_serves_many_utterances(speak, fixture_model):
    """Directly and through a flowgraph; failures are results."""
    setting = Setting(str(fixture_model), channel="awgn", es_n0_db=10.0, seed=1)
    with FlowgraphSimulation(setting) as flowgraph:
        for simulation in (Simulation(setting), flowgraph):
            for seq, text in enumerate(("one", "two", "three")):
                result, speech = simulation(speak(text), 16000, seq=seq, user_id=seq)
                assert (result.text, result.seq, result.user_id, len(speech)) == (text, seq, seq, 0)
                assert result.rtf > 0
            assert simulation(np.zeros(16000, np.float32), 16000).result.error_type == "silent"
    with pytest.raises(HostError, match="cannot load the model"):
        FlowgraphSimulation(Setting("no such model"))


def test_what_the_receiver_estimates(recordings, fixture_model):
    """Carrier 8 % of the symbol rate, clock 100 ppm, delay 1,234.5 samples, Es/N0 10 dB: found, and the same text.

    Errors within five times their Cramer-Rao bounds, about the known symbols' centre n0 and with the pulse's mean
    square frequency b^2 (Kay, Estimation Theory, 1993, 3.11 and example 3.14): 1 / (2 Es/N0 sum (n - n0)^2) is the
    variance of a turn in radians a symbol, and over b^2 that of the clock. Measured over 60 seeds: 0.23 Hz and
    15 ppm, the bounds 0.22 Hz and 15 ppm. Es/N0 from 800 known symbols: 4.34 dB sqrt(2 / 800) = 0.2 dB.
    """
    offsets = ("--cfo-hz", 4000, "--clock-ppm", 100, "--delay-samples", 1234.5)
    done, [result] = simulate(fixture_model, "--json", "--snr", 10, *offsets, recordings / "good.wav")
    assert done.returncode == 0
    assert (result["text"], result["detected"]) == ("hello world", True)
    layout = Layout(result["n_symbols"] // 20)
    n = np.append(np.flatnonzero(layout.known), layout.header)
    deviation = 1 / np.sqrt(2 * 10 * STRENGTH * np.sum((n - n.mean()) ** 2))
    spectrum = np.abs(np.fft.fft(TAPS, 4096)) ** 2
    b = 2 * np.pi * np.sqrt(np.average((SAMPLES_PER_SYMBOL * np.fft.fftfreq(4096)) ** 2, weights=spectrum))
    assert result["cfo_hz"] == pytest.approx(4000, abs=5 * 50_000 * deviation / (2 * np.pi))
    assert result["clock_ppm"] == pytest.approx(100, abs=5e6 * deviation / b)
    assert result["es_n0_db"] == pytest.approx(10, abs=0.8)
    # pilots sqrt(1.5) times as strong as the payload: an error of sqrt(N0 / 1.5), a fifth for so few of them
    assert result["evm"] == pytest.approx(math.sqrt(10**-1 / 1.5), rel=0.2)
    assert result["overhead"] == pytest.approx(1 - result["n_symbols"] / layout.symbols, abs=1e-4)
    assert (result["n_bursts"], result["bursts_missing"]) == (1, 0)


def test_estimated_and_ideal_csi_give_the_same_text(recordings, fixture_model):
    """At 20 dB, over the faded channels as well; what only a modem knows is only in its result."""
    for channel in ("awgn", "rician"):
        texts = []
        for csi in ("estimated", "ideal"):
            options = ("--json", "--channel", channel, "--csi", csi, recordings / "good.wav")
            _, [result] = simulate(fixture_model, *options)
            assert (result["csi"], result["detected"]) == (csi, True if csi == "estimated" else None)
            assert (result["cfo_hz"] is None) == (result["overhead"] is None) == (csi == "ideal")
            texts.append(result["text"])
        assert texts == ["hello world"] * 2


def test_a_burst_below_the_noise_is_lost_at_once(recordings, fixture_model):
    """-30 dB: 288 symbols of preamble together are at -3.6 dB. Not found, said so, without waiting for a timeout."""
    start = time.monotonic()
    done, results = simulate(fixture_model, "--json", "--snr", -30, *[recordings / "good.wav"] * 3)
    assert time.monotonic() - start < 20
    assert done.returncode == 1
    for result in results:
        assert (result["lost"], result["error_type"], result["detected"]) == (True, "not_detected", False)
        assert (result["text"], result["cfo_hz"], result["overhead"]) == ("", None, None)


def test_long_speech_is_several_bursts(recordings, fixture_model, tmp_path):
    """28 s are 700 frames, two bursts of 350: the text is whole, the overhead that of the two together."""
    samples, rate = soundfile.read(recordings / "minute.wav")
    soundfile.write(tmp_path / "28.wav", samples[: 28 * rate], rate)
    offsets = ("--cfo-hz", -3000, "--delay-samples", 400_000.5, "--clock-ppm", -50)
    _, [result] = simulate(fixture_model, "--json", *offsets, tmp_path / "28.wav")
    assert (result["n_symbols"], result["n_bursts"], result["error"]) == (14_000, 2, None)
    assert (result["utterances"], result["overhead"]) == (1, pytest.approx(1 - 7000 / Layout(350).symbols, abs=1e-4))
    _, [clean] = simulate(fixture_model, "--json", "--csi", "ideal", "--channel", "none", tmp_path / "28.wav")
    assert result["text"] == clean["text"] != ""


def test_a_part_that_stops_is_a_result(speak, fixture_model, monkeypatch):
    """Whatever breaks in a flowgraph comes out as an error, at once, and so does every utterance after it."""
    with FlowgraphSimulation(Setting(str(fixture_model))) as simulation:
        assert simulation(speak("one"), 16000).result.text == "one"

        def broken(samples):
            raise RuntimeError("broken for a test")

        monkeypatch.setattr(simulation._receiving.receiver._listener, "push", broken)
        for seq in (1, 2):
            result, _ = simulation(speak("two"), 16000, seq=seq)
            assert (result.lost, result.error_type) == (True, "stopped")
            assert "broken for a test" in result.error
    with FlowgraphSimulation(Setting(str(fixture_model))) as simulation:
        monkeypatch.setattr(simulation._framer, "_framer", None)
        result, _ = simulation(speak("three"), 16000)
        assert (result.lost, result.error_type) == (True, "internal")


def test_the_shipped_samples_come_through_the_default_model(tmp_path):
    """What `make demo` shows, at 20 dB, and noise that says nothing. Three clips are no measure of quality, but a wrong
    model shows."""
    files = sorted(SAMPLES.glob("*.flac"))
    noise = np.random.default_rng(0).standard_normal(32_000)
    soundfile.write(tmp_path / "noise.wav", 0.1 * noise, 16_000)
    arguments = "--json", "--transcripts", SAMPLES / "transcripts.csv", *files, tmp_path / "noise.wav"
    done, [*results, silent] = simulate("default", *arguments, rate="520")
    assert done.returncode == 0, done.stderr
    assert (silent["text"], silent["words"], silent["confidence"], silent["error"]) == ("", [], 0, None)
    for result in results:
        assert result["rate"] == 520
        assert " ".join(word["word"] for word in result["words"]) == result["text"]
    spoken = sum(len(result["reference"]) for result in results)
    assert sum(result["cer"] * len(result["reference"]) for result in results) / spoken <= 0.2
