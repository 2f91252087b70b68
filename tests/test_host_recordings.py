"""`deepsc record` and `deepsc play`: speech to files of samples and back, by phy/ alone and by a flowgraph."""

import itertools
import json

import numpy as np
import pytest
import soundfile
from host_process import deepsc as process
from host_process import deepsc_here as deepsc

from gr_deepsc.framing import SYMBOLS_PER_FRAME
from gr_deepsc.phy.frame import Layout
from gr_deepsc.radio import iqfile
from gr_deepsc.radio.recordings.baseband import PIECE

SAID = ("hello world", "what was that", "it was the radio")


@pytest.fixture(scope="module")
def speech(tmp_path_factory, speak):
    """Three utterances as wav files, and their transcripts."""
    folder = tmp_path_factory.mktemp("speech")
    for k, text in enumerate(SAID):
        soundfile.write(folder / f"{k}.wav", speak(text), 16000, subtype="FLOAT")
    (folder / "said.csv").write_text("".join(f"{k}|{text}\n" for k, text in enumerate(SAID)))
    return [folder / f"{k}.wav" for k in range(len(SAID))]


@pytest.fixture
def record(speech, fixture_model, tmp_path):
    def record(name, *options, rate="paper"):
        options = "--model", fixture_model, "--rate", rate, *options
        done = deepsc("record", *speech, "--out", tmp_path / name, *options)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert "3 utterances" in done.stdout
        return tmp_path / name

    return record


@pytest.fixture
def play(fixture_model):
    def play(*arguments, status=0):
        done = deepsc("play", "--json", "--model", fixture_model, *arguments)
        assert done.returncode == status, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return play


def texts(results):
    return tuple(result["text"] for result in results)


def test_directly_and_through_the_flowgraph_the_same(record, play):
    """A path with every offset: text and all metadata are those of phy/ alone, character by character.

    Half the symbol rate of carrier room: 4 kHz are 8 % of it; time 2,000.5 samples of gap and delay.
    """
    file = record(
        *("air.sigmf-meta", "--channel", "awgn", "--snr", 12, "--cfo-hz", 4000, "--clock-ppm", 100),
        *("--delay-samples", 500.5, "--user-id", 4711, "--seed", 3, "--gap", 0.01),
    )
    directly, through = play(file), play("--through-gnuradio", file)
    assert [r | {"decode_s": None} for r in through] == directly
    assert texts(directly) == SAID
    for seq, result in enumerate(directly):
        assert (result["user_id"], result["seq"], result["error"], result["received"]) == (4711, seq, None, 1)
        assert result["cfo_hz"] == pytest.approx(4000, abs=10)
        assert result["es_n0_db"] == pytest.approx(12, abs=0.6)
    # the first chirp's peak: the gap, ramp of 4 symbols and half a filter of 32 samples behind the burst's start
    assert directly[0]["timing"] == pytest.approx(2000 * 1.0001 + 500.5 + 48, abs=1)
    assert directly[0]["time_s"] == pytest.approx(directly[0]["timing"] / 200_000, abs=1e-4)


@pytest.mark.parametrize("datatype", ["ci16_le", "ci8"])
def test_integers(record, play, datatype):
    assert texts(play(record("i.sigmf-meta", "--datatype", datatype))) == SAID


def test_hackrf_samples_are_at_their_offset(record, play):
    """2 Msample/s, the signal 250 kHz off the centre and 62.5 kHz wide: 99 % of the power is there."""
    file = record("hackrf.sigmf-meta", "--profile", "hackrf", "--datatype", "ci8")
    samples = np.concatenate(list(iqfile.IqReader(file).chunks(PIECE)))
    spectrum = np.abs(np.fft.fft(samples)) ** 2
    inside = np.abs(np.fft.fftfreq(len(samples), 1 / 2e6) - 250e3) < 62.5e3 / 2
    assert spectrum[inside].sum() > 0.99 * spectrum.sum()
    assert texts(play("--profile", "hackrf", file)) == SAID
    assert texts(play("--symbol-rate", 50000, "--offset-hz", 250e3, file)) == SAID
    assert texts(play(file)) == SAID  # it says itself where
    [nothing] = play("--profile", "usrp", file, status=1)  # it is not at the centre
    assert (nothing["error_type"], nothing["lost"]) == ("not_detected", True)
    assert "--offset-hz" in nothing["error"]


def test_audio_band(record, play, tmp_path):
    """16 bits at 48 kHz, the power between 750 and 2,250 Hz; the same at 44.1 kHz on the left of two channels."""
    file = record("ssb.wav")
    samples, rate = soundfile.read(file)
    assert (rate, soundfile.info(file).subtype) == (48_000, "PCM_16")
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    inside = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) - 1500) < 750
    assert spectrum[inside].sum() > 0.99 * spectrum.sum()
    assert texts(play(file)) == texts(play("--through-gnuradio", file)) == SAID
    soundfile.write(tmp_path / "off.wav", np.stack([samples, 0 * samples], 1), 44_100)  # 9 % slow, so:
    assert texts(play("--symbol-rate", 1102.5, "--offset-hz", 1378.125, tmp_path / "off.wav")) == SAID


def test_marks_say_where_the_bursts_are(record, speech):
    """Annotations cover the bursts: beyond them the recording is silent, and their comment is the text."""
    file = record("marked.sigmf-meta", "--transcripts", speech[0].parent / "said.csv", "--user-id", 9)
    reader = iqfile.IqReader(file, verify=True)
    samples, outside = np.concatenate(list(reader.chunks(PIECE))), np.ones(reader.meta.sample_count, bool)
    for mark, text in zip(reader.meta.annotations, SAID, strict=True):
        assert (mark.comment, "user 9" in mark.label) == (text, True)
        frames = len(text) + sum(a == b for a, b in itertools.pairwise(text)) + 4
        assert mark.count == 4 * (Layout(frames).symbols - 1) + 65
        outside[mark.start_sample : mark.start_sample + mark.count] = False
    assert np.abs(samples[outside]).max() == 0
    inside = np.mean(np.abs(samples[~outside]) ** 2)
    assert 10 * np.log10(inside) == pytest.approx(-12 + 1, abs=1)  # chirps and header are 1.76 dB stronger


def test_readable_output(record, fixture_model):
    file = record("read.sigmf-meta")
    done = deepsc("play", "--model", fixture_model, file)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert "0.100 s  hello world  [user 0, Es/N0" in first and len(rest) == 2


def test_a_recording_cut_short(record, play, tmp_path):
    """The burst that is cut off is told as such, what was before it is there; a half sample is left out."""
    file = record("cut.sigmf-meta", "--datatype", "ci16_le")
    meta, data = file, file.with_suffix(".sigmf-data")
    last = iqfile.read(file).annotations[-1]
    document = json.loads(meta.read_text())
    document["annotations"] = []
    del document["global"]["core:sha512"]
    meta.write_text(json.dumps(document))
    with data.open("r+b") as samples:
        samples.truncate(4 * (last.start_sample + last.count * 3 // 4))
    results = play(file, status=1)
    assert texts(results)[:2] == SAID[:2]
    assert (results[2]["error_type"], results[2]["lost"]) == ("incomplete", False)
    layout = Layout(results[2]["n_symbols"] // SYMBOLS_PER_FRAME)
    kept = np.mean(layout.payload < 0.75 * layout.symbols)
    assert results[2]["received"] == pytest.approx(kept, abs=0.05)
    with data.open("ab") as samples:
        samples.write(b"x")
    again = play(file, status=1)
    assert "ends within a sample" in again[0].pop("warning")
    for result in [*results, *again]:
        result.pop("warning", None)
        result.pop("decode_s")
    assert again == results


def test_bad_files_are_results(play, tmp_path):
    rng = np.random.default_rng(1)
    with iqfile.IqWriter(tmp_path / "noise", 200_000) as writer:
        writer.write((rng.standard_normal(100_000) + 1j * rng.standard_normal(100_000)).astype(np.complex64))
    for name, rate in (("slow", 40_000), ("slower", 4_000), ("odd", 200_024), ("nan", 200_000)):
        with iqfile.IqWriter(tmp_path / name, rate) as writer:
            writer.write(np.zeros(10_000, np.complex64))
    np.full(10_000, np.nan, np.complex64).tofile(tmp_path / "nan.sigmf-data")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "nan.wav", np.full(48_000, np.nan), 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 48_000)
    expected = {
        "noise": "not_detected",
        "nan": "not_detected",
        "slow": "not_detected",
        "slower": "bad_rate",
        "odd": "not_detected",
        "missing": "missing",
        "empty.wav": "unreadable",
        "missing.wav": "missing",
        "nan.wav": "not_detected",
        "none.wav": "truncated",
    }
    results = play(*(tmp_path / name for name in expected), status=1)
    assert [result["error_type"] for result in results] == list(expected.values())
    assert all(result["lost"] and "\n" not in result["error"] for result in results)


def test_bad_options_are_one_clear_line(speech, fixture_model, tmp_path):
    out = tmp_path / "x.sigmf-meta"
    for arguments, words in (
        (["record", speech[0], "--out", out, "--profile", "audio"], "NAME.wav"),
        (["record", speech[0], "--out", tmp_path / "x.wav", "--profile", "usrp"], "NAME.sigmf-meta"),
        (["record", speech[0], "--out", tmp_path / "no" / "x.sigmf-meta"], "cannot write"),
        (["record", speech[0], "--out", out, "--cfo-hz", "1e6"], "carrier offset"),
        (["record", speech[0], "--out", out, "--symbol-rate", "180000"], "no room"),
        (["record", speech[0], "--out", tmp_path / "x.wav", "--symbol-rate", "2500"], "no room"),
        (["record", tmp_path / "missing.wav", "--out", out], "none of the recordings"),
        (["record", speech[0], "--out", out, "--model", "nowhere"], "cannot load the model"),
        (["play", out, "--profile", "vacuum"], "invalid choice"),
    ):
        model = [] if "--model" in arguments else ["--model", fixture_model]
        done = deepsc(*arguments, *model)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert words in done.stderr.splitlines()[-1]
    assert not out.exists()


@pytest.mark.parametrize("rate", ["520", "260", "130"])
def test_the_header_tells_the_rate(record, play, rate):
    """Nobody tells `play` of it; the seconds are those of speech at its usual pace."""
    results = play(record("rate.sigmf-meta", rate=rate))
    assert texts(results) == SAID
    for result, text in zip(results, SAID, strict=True):
        assert result["nominal_s"] == pytest.approx(len(text) / 15, abs=0.3)
        assert [word["word"] for word in result["words"]] == text.split()


def test_another_models_bursts_are_refused(record, play, tmp_path):
    import fixture_models

    other = fixture_models.write(tmp_path / "other", pair="another pair")
    file = record("foreign.sigmf-meta")
    for option in ([], ["--through-gnuradio"]):
        done = deepsc("play", "--json", "--model", other, *option, file)
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert (done.returncode, [r["error_type"] for r in results]) == (1, ["wrong_model"] * 3)


def test_neither_needs_gnuradio(speech, fixture_model, tmp_path):
    for name in ("gnuradio", "pmt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('there is none')\n")
    file = tmp_path / "a.sigmf-meta"
    for arguments in (["record", *speech, "--out", file], ["play", file]):
        done = process(*arguments, "--model", fixture_model, PYTHONPATH=str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
    done = process("play", file, "--through-gnuradio", "--model", fixture_model, PYTHONPATH=str(tmp_path))
    assert (done.returncode, "setup`" in done.stderr) == (2, True)
