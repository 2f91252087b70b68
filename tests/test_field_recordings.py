"""One utterance in the files of many programs: each is read, whatever it is called, and what is broken is got over."""

import io
import json
import struct
import tarfile

import numpy as np
import pytest
import soundfile
from host_process import deepsc_here as deepsc
from scipy.signal import resample_poly

from gr_deepsc.phy.interpolate import Interpolator
from gr_deepsc.radio import iqfile
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.radio.recordings import Hints, open_recording
from gr_deepsc.radio.recordings.guess import datatype
from gr_deepsc.radio.recordings.names import Told, told

SAID = "over to you"
RATE, FREQUENCY = 200_000, 433.92e6


@pytest.fixture(scope="module")
def sent(tmp_path_factory, fixture_model, speak):
    """The utterance as complex samples, 200 ksample/s, and as audio, 48 ksample/s, under receivers' noise (-40 dB)."""
    folder = tmp_path_factory.mktemp("sent")
    soundfile.write(folder / "speech.wav", speak(SAID), 16_000, subtype="FLOAT")
    for name in ("iq.sigmf-meta", "ssb.wav"):
        done = deepsc(
            *("record", folder / "speech.wav", "--out", folder / name, "--model", fixture_model),
            *("--rate", "paper", "--channel", "awgn", "--snr", 30),
        )
        assert done.returncode == 0, done.stderr
    iq = np.concatenate([*iqfile.IqReader(folder / "iq").chunks(1 << 20)])
    audio, _ = soundfile.read(folder / "ssb.wav", dtype="float32")
    return iq, audio


@pytest.fixture
def heard(fixture_model):
    """heard(*arguments) -> results of `deepsc play`, which had nothing to say."""

    def heard(*arguments, warned=False):
        done = deepsc("play", "--json", "--model", fixture_model, *arguments)
        assert bool(done.stderr) == warned, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return heard


def sigmf(path, raw, datatype="cf32_le", captures=({"core:sample_start": 0},), annotations=(), **fields):
    path.with_suffix(".sigmf-data").write_bytes(raw)
    info = {"core:version": "1.0.0", "core:sample_rate": RATE, "core:datatype": datatype}
    info |= {f"core:{key}": value for key, value in fields.items()}
    document = {"global": info, "captures": list(captures), "annotations": list(annotations)}
    path.with_suffix(".sigmf-meta").write_text(json.dumps(document))
    return path.with_suffix(".sigmf-meta")


def parts(samples):
    """I and Q beside each other, float [n, 2]."""
    return np.stack([samples.real, samples.imag], 1)


def integers(samples, kind="<i2"):
    """As integers of full scale, in turn."""
    kind = np.dtype(kind)
    scale = 2.0 ** (8 * kind.itemsize - 1)
    values = np.rint(parts(samples) * (scale - 1)) + (scale if kind.kind == "u" else 0)
    return values.astype(kind).tobytes()


def riff(chunks, tag=1, channels=2, rate=RATE, bits=16, magic=b"RIFF"):
    """A wav of chunks (name, content, length that its header claims or None)."""
    size = channels * bits // 8
    first = (b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * size, size, bits), None)
    body = b"".join(
        name + struct.pack("<I", len(content) if length is None else length) + content + b"\0" * (len(content) % 2)
        for name, content, length in [first, *chunks]
    )
    return magic + struct.pack("<I", len(body) + 4) + b"WAVE" + body


AUXI = struct.pack("<16H4I", *[0] * 16, int(FREQUENCY), RATE, 0, 0)
CONSOLE = '<?xml version="1.0"?><SDR-XML-Root><Definition RadioCenterFreq="433920000"/></SDR-XML-Root>'.encode(
    "utf-16-le"
)


def test_field_sigmf_of_all_kinds(tmp_path, sent, heard):
    """SDRangel, a converter's header, archives, two channels, SigMF 0.0.x, an odd rate."""
    iq, raw = sent[0], integers(sent[0])
    files = [
        sigmf(tmp_path / "sdrangel", raw, "ci16_le", [{"core:frequency": FREQUENCY, "core:length": 7}]),
        sigmf(tmp_path / "old", raw, "ci16_le", extensions={"antenna": "1.0.0"}, version="0.0.2"),
    ]
    (tmp_path / "a.bin").write_bytes(riff([(b"data", raw, None), (b"LIST", b"INFO", None)]))
    captures = [{"core:sample_start": 0, "core:header_bytes": 44}]
    files.append(sigmf(tmp_path / "ncd", b"", "ci16_le", captures, dataset="a.bin", trailing_bytes=12))
    # in two parts, a header of its own before each
    captures.append({"core:sample_start": 10_000, "core:header_bytes": 8})
    files.append(sigmf(tmp_path / "parts", b"h" * 44 + raw[:40_000] + b"h" * 8 + raw[40_000:], "ci16_le", captures))
    both = np.stack([0 * iq, iq], 1).reshape(-1)
    two = sigmf(tmp_path / "two", both.tobytes(), num_channels=2)
    interpolator = Interpolator(250_003.7 / RATE)
    odd = np.concatenate([interpolator.push(iq), interpolator.flush()])
    files.append(sigmf(tmp_path / "odd", odd.tobytes(), sample_rate=250_003.7))
    for mode, name in (("w", "a.sigmf"), ("w:gz", "a.sigmf.gz"), ("w:xz", "renamed.sigmf")):
        with tarfile.open(tmp_path / name, mode) as archive:
            for half in ("meta", "data"):
                archive.add(tmp_path / f"sdrangel.sigmf-{half}", f"rec/rec.sigmf-{half}")
        files.append(tmp_path / name)
    (tmp_path / "json.txt").write_bytes(files[0].read_bytes())
    (tmp_path / "json.sigmf-data").write_bytes(raw)
    results = heard(*files, tmp_path / "json.txt")
    assert [result["text"] for result in results] == [SAID] * (len(files) + 1)
    assert [result["text"] for result in heard("--from-channel", 2, two)] == [SAID]
    [first, third] = heard(two, warned=True) + heard("--from-channel", 3, two)
    assert (first["error_type"], third["error_type"]) == ("not_detected", "bad_channel")
    assert "2 channels" in first["warning"]


def test_field_wav_of_i_and_q(tmp_path, sent, heard):
    """SDR#, HDSDR, SDR Console, KiwiSDR, RF64, 8 to 64 bits: recognised by what is in it."""
    iq = sent[0]
    raw, files = integers(iq), {}
    for bits, kind in ((8, "u1"), (16, "<i2"), (32, "<i4")):
        files[f"{bits}.wav"] = riff([(b"data", integers(iq, kind), None)], bits=bits)
    wide = np.frombuffer(integers(iq, "<i4"), np.uint8).reshape(-1, 4)
    files["24.wav"] = riff([(b"data", wide[:, 1:].tobytes(), None)], bits=24)
    files["float.wav"] = riff([(b"data", iq.tobytes(), None)], tag=3, bits=32)
    files["double.wav"] = riff([(b"data", parts(iq).astype("<f8").tobytes(), None)], tag=3, bits=64)
    files["hdsdr.wav"] = riff([(b"auxi", AUXI, None), (b"data", raw, None)])
    files["console.wav"] = riff([(b"auxi", CONSOLE, None), (b"data", raw, None)])
    ds64 = (b"ds64", struct.pack("<QQQI", 0, len(raw), 0, 0), None)
    body = riff([(b"data", raw, 0xFFFF_FFFF)])[12:]
    files["rf64.dat"] = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64[0] + struct.pack("<I", 28) + ds64[1] + body
    pieces = [raw[k : k + 2048] for k in range(0, len(raw), 2048)]
    kiwi = [chunk for piece in pieces for chunk in ((b"kiwi", b"\0" * 10, None), (b"data", piece, None))]
    files["kiwi.wav"] = riff(kiwi)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    results = heard(*(tmp_path / name for name in files))
    assert {name: result["text"] for name, result in zip(files, results, strict=True)} == dict.fromkeys(files, SAID)
    soundfile.write(tmp_path / "flac.flac", parts(iq), RATE, "PCM_16")
    for length, words in ((0, "how long"), (len(raw) * 50, "was cut")):  # killed, and cut
        (tmp_path / "killed.wav").write_bytes(riff([(b"data", raw, length)]))
        [killed] = heard(tmp_path / "killed.wav", warned=True)
        assert killed["text"] == SAID and words in killed["warning"]
    assert [result["text"] for result in heard(tmp_path / "flac.flac")] == [SAID]


def test_field_where_the_signal_is(tmp_path, sent, heard):
    """The recorder was tuned 50 kHz below: by frequency, where the file says its own, else by the offset."""
    shifted = sent[0] * np.exp(2j * np.pi * 0.25 * np.arange(len(sent[0])))
    raw = integers(shifted)
    (tmp_path / "auxi.wav").write_bytes(riff([(b"auxi", AUXI, None), (b"data", raw, None)]))
    (tmp_path / "SDRSharp_20240501_120000Z_433920000Hz_IQ.wav").write_bytes(riff([(b"data", raw, None)]))
    (tmp_path / "g001_433.92M_200k.cs16").write_bytes(raw)
    sigmf(tmp_path / "a", raw, "ci16_le", [{"core:sample_start": 0, "core:frequency": FREQUENCY}])
    files = [tmp_path / "auxi.wav", *tmp_path.glob("SDR*"), tmp_path / "a.sigmf-meta"]
    assert [r["text"] for r in heard("--frequency", 433.97e6, *files)] == [SAID] * 3
    [named] = heard("--frequency", 433.97e6, *tmp_path.glob("g001*"), warned=True)
    assert named["text"] == SAID and "by its name" in named["warning"]
    (tmp_path / "silent.wav").write_bytes(riff([(b"auxi", AUXI, None), (b"data", b"\0" * 40_000, None)]))
    [silent] = heard(tmp_path / "silent.wav")
    assert silent["error_type"] == "not_detected" and "433.92 MHz: is the signal elsewhere" in silent["error"]
    (tmp_path / "b.wav").write_bytes(riff([(b"data", raw, None)]))
    [untold] = heard("--frequency", 433.97e6, tmp_path / "b.wav")
    assert untold["error_type"] == "bad_metadata" and "--offset-hz" in untold["error"]
    assert [r["text"] for r in heard("--offset-hz", 50e3, tmp_path / "b.wav")] == [SAID]


def test_field_samples_without_a_header(tmp_path, sent, heard):
    """By name, by option, or by their bytes; without a rate they are refused, and so is what is no recording at all."""
    iq, kinds = sent[0], {"cs8": "i1", "cu8": "u1", "cs16": "<i2"}
    files = []
    for name, kind in kinds.items():
        (tmp_path / f"a.{name}").write_bytes(integers(iq, kind))
        files.append(tmp_path / f"a.{name}")
    for name in ("cf32", "fc32"):
        (tmp_path / f"a.{name}").write_bytes(iq.tobytes())
        files.append(tmp_path / f"a.{name}")
    assert [r["text"] for r in heard("--sample-rate", RATE, *files)] == [SAID] * 5
    for name, kind, expected in (("bin", "u1", "cu8"), ("raw", "i1", "ci8"), ("iq", "<i2", "ci16_le")):
        (tmp_path / f"b.{name}").write_bytes(integers(iq, kind))
        [result] = heard("--sample-rate", RATE, tmp_path / f"b.{name}", warned=True)
        assert result["text"] == SAID and f"taken as {expected}" in result["warning"]
    (tmp_path / "c").write_bytes(integers(iq, "i1"))
    assert heard("--sample-rate", RATE, "--datatype", "ci8", tmp_path / "c")[0]["text"] == SAID
    (tmp_path / "d.wav").write_text("no wav at all, but a letter\n" * 100)
    (tmp_path / "e.wav").write_bytes(b"")
    results = heard(files[0], tmp_path / "d.wav", tmp_path / "e.wav", tmp_path, tmp_path / "f.wav")
    assert [r["error_type"] for r in results] == ["bad_rate", "unreadable", "unreadable", "missing", "missing"]
    assert "--sample-rate" in results[0]["error"] and "--datatype" in results[1]["error"]


@pytest.mark.parametrize("level", [0.004, 0.02, 0.2])
@pytest.mark.parametrize("kind, expected", [("i1", "ci8"), ("u1", "cu8"), ("<i2", "ci16_le"), ("<f4", "cf32_le")])
def test_field_bytes_tell_their_format(kind, expected, level):
    """Gaussian samples of -48, -34 and -14 dB of full scale, I and Q with an offset each as receivers have it."""
    samples = level * np.random.default_rng(1).standard_normal((20_000, 2)) + [0.003, -0.008]
    raw = samples.astype(kind).tobytes() if kind == "<f4" else integers(np.clip(samples, -1, 1) @ [1, 1j], kind)
    assert datatype(raw) == expected
    assert datatype(b"\0" * 4096) is None


def test_field_audio_of_all_kinds(tmp_path, sent, heard):
    """FLAC, MP3, Opus, Vorbis, AIFF, odd rates, real SigMF, I and Q of a narrow receiver; names say nothing."""
    audio = sent[1]
    slow = resample_poly(audio, 1, 4)
    formats = ("FLAC", "PCM_16"), ("MP3", None), ("OGG", "OPUS"), ("OGG", "VORBIS"), ("AIFF", "PCM_16")
    for format, subtype in formats:
        soundfile.write(tmp_path / f"a.{format}_{subtype}", audio, 48_000, subtype, format=format)
    soundfile.write(tmp_path / "gsm.wav", resample_poly(audio, 1, 6), 8_000, subtype="ULAW")
    (tmp_path / "a.MP3_None").rename(tmp_path / "mp3.wav")
    for rate in (12_001, 11_998):
        interpolator = Interpolator(rate / 48_000)
        odd = np.concatenate([interpolator.push(audio.astype(np.complex64)), interpolator.flush()]).real
        soundfile.write(tmp_path / f"{rate}.wav", odd, rate)
    sigmf(tmp_path / "real", audio.astype("<f4").tobytes(), "rf32_le", sample_rate=48_000)
    ri16 = np.rint(audio * 32767).astype(">i2").tobytes()
    sigmf(tmp_path / "big", ri16, "ri16_be", sample_rate=48_000)
    soundfile.write(tmp_path / "kiwi.wav", parts(analytic(slow)), 12_000)  # the dial 1500 Hz below the signal
    files = [path for path in tmp_path.iterdir() if path.suffix != ".sigmf-data"]
    results = {result["file"]: result["text"] for result in heard(*files)}
    assert results == {str(path): SAID for path in files} and len(files) == 11


def analytic(real):
    """The upper sideband of float [n], complex64."""
    spectrum = np.fft.fft(real)
    spectrum[len(real) // 2 :] = 0
    return (2 * np.fft.ifft(spectrum)).astype(np.complex64)


def test_field_two_ears(tmp_path, sent, heard):
    """Audio in two channels: alike, out of phase, one empty, with noise of their own, one later than the other."""
    audio = resample_poly(sent[1], 1, 4)
    noise = 0.02 * np.random.default_rng(1).standard_normal((2, len(audio)))
    pairs = {
        "alike": (audio, audio),
        "antiphase": (audio, -audio),
        "left": (audio, 0 * audio),
        "right": (0 * audio, audio),
        "noisy": (audio + noise[0], audio + noise[1]),
        "late": (audio, np.roll(audio, 3)),
    }
    for rate in (12_000, 96_000):
        for name, pair in pairs.items():
            both = np.stack([resample_poly(each, rate // 12_000, 1) for each in pair], 1)
            soundfile.write(tmp_path / f"{name}_{rate}.wav", both, rate)
    files = sorted(tmp_path.iterdir())
    results = {result["file"]: result["text"] for result in heard(*files)}
    assert results == {str(path): SAID for path in files}
    assert heard("--from-channel", 1, tmp_path / "right_12000.wav")[0]["error_type"] == "not_detected"
    assert heard("--read-as", "iq", "--profile", "audio", tmp_path / "alike_12000.wav")[0]["text"] == SAID


@pytest.mark.parametrize("rate", [48_000, 200_000])
def test_field_i_and_q_are_not_taken_for_audio(tmp_path, rate):
    """With the image that a mixer leaves (-20 dB), and the spike of its oscillator."""
    rng = np.random.default_rng(1)
    noise = (rng.standard_normal(100_000) + 1j * rng.standard_normal(100_000)) / 8
    band = np.fft.ifft(np.fft.fft(noise) * (np.abs(np.fft.fftfreq(len(noise)) - 0.1) < 0.05))
    samples = 1.0 * band + 0.1 * band.conj() + 0.01 * noise + 0.3
    soundfile.write(tmp_path / "a.wav", 0.5 * parts(samples), rate)
    assert not open_recording(tmp_path / "a.wav").real
    assert open_recording(tmp_path / "a.wav", Hints(kind="audio")).real
    assert open_recording(tmp_path / "a.wav", Hints(channel=1)).real


def test_field_one_blemish(tmp_path, sent, heard):
    """NaN, an annotation past the end, half a sample, a broken FLAC: what is there is read, and the next files, too."""
    iq, audio = sent
    before = np.concatenate([iq, iq])
    before[len(iq) + 20] = np.nan
    before[3] = np.inf
    sigmf(tmp_path / "a", before.tobytes())
    mark = {"core:sample_start": 20, "core:sample_count": 10**9}
    sigmf(tmp_path / "b", iq.tobytes() + b"abc", annotations=[mark])
    soundfile.write(tmp_path / "c.flac", np.concatenate([audio, audio]), 48_000)
    whole = (tmp_path / "c.flac").read_bytes()
    (tmp_path / "c.flac").write_bytes(whole[: len(whole) * 3 // 4])
    with tarfile.open(tmp_path / "d.sigmf.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("d.sigmf-meta"), io.BytesIO())
    (tmp_path / "d.sigmf.gz").write_bytes((tmp_path / "d.sigmf.gz").read_bytes()[:40])
    (tmp_path / "e.sigmf-meta").write_text('{"global": ' + "[" * 100_000)
    files = [tmp_path / name for name in ("a.sigmf-meta", "b.sigmf-meta", "c.flac", "d.sigmf.gz", "e.sigmf-meta")]
    results = heard(*files, files[0], warned=True)
    read = [[r["text"] for r in results if r["file"] == str(path) and not r["error"]] for path in files]
    assert read == [[SAID] * 4, [SAID], [SAID], [], []]
    words = {result["file"]: result["warning"] for result in results}
    assert "sample 3" in words[str(files[0])] and "cut off" in words[str(files[1])]
    assert "3 bytes" in words[str(files[1])] and "c.flac" in words[str(files[2])]
    errors = {r["file"]: r["error_type"] for r in results if r["lost"]}
    assert errors[str(files[3])] == "unreadable" and errors[str(files[4])] == "bad_metadata"


@pytest.mark.parametrize("mode, name", [("w", "a.sigmf"), ("w:gz", "a.sigmf.gz")])
def test_field_an_archive_that_was_cut(tmp_path, sent, heard, mode, name):
    """Of two bursts the first is heard, and behind it stands what happened."""
    meta = sigmf(tmp_path / "twice", integers(np.concatenate([sent[0], sent[0]])), "ci16_le")
    with tarfile.open(tmp_path / name, mode) as archive:
        archive.add(meta, "a.sigmf-meta")
        archive.add(meta.with_suffix(".sigmf-data"), "a.sigmf-data")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 7 // 10])
    results = heard(tmp_path / name, meta, warned=True)
    assert [result["text"] for result in results if not result["error"]] == [SAID] * 3
    assert [result["error_type"] for result in results if result["lost"]][-1] in ("truncated", "unreadable")
    assert "broken archive" in results[0]["warning"]


def test_field_own_recordings_need_no_profile(tmp_path, speak, heard, fixture_model):
    """Symbol rate and offset stand in their metadata; options go before them."""
    soundfile.write(tmp_path / "speech.wav", speak(SAID), 16_000, subtype="FLOAT")
    recorded = ("record", tmp_path / "speech.wav", "--model", fixture_model, "--rate", "paper", "--out")
    options = ("--profile", "hackrf", "--symbol-rate", 20_000, "--channel", "awgn", "--snr", 30)
    assert deepsc(*recorded, tmp_path / "a.sigmf-meta", *options).returncode == 0
    info = json.loads((tmp_path / "a.sigmf-meta").read_text())["global"]
    assert (info["deepsc:symbol_rate"], info["deepsc:offset"]) == (20_000, 250_000)
    assert {"name": "deepsc", "version": "1.0.0", "optional": True} in info["core:extensions"]
    [result] = heard(tmp_path / "a.sigmf-meta")
    assert (result["text"], result["symbol_rate"]) == (SAID, 20_000)
    assert heard("--offset-hz", 0, tmp_path / "a.sigmf-meta")[0]["error_type"] == "not_detected"


def test_field_names():
    assert told("SDRSharp_20240501_120000Z_433920000Hz_IQ.wav") == Told(433_920_000)
    assert told("HDSDR_20160101_120000Z_7100kHz_RF.wav") == Told(7_100_000)
    assert told("/a/baseband_433920000Hz_12-00-00_01-05-2024.wav") == Told(433_920_000)
    assert told("gqrx_20170101_120000_433920000_2000000_fc.raw") == Told(433_920_000, 2_000_000)
    assert told("g001_433.92M_250k.cu8") == Told(433_920_000, 250_000)
    assert told("recording.wav") == Told()


def test_field_a_rate_in_place_of_the_files(tmp_path):
    """It is taken, and that is said."""
    file = sigmf(tmp_path / "a", b"\0" * 80)
    recording = open_recording(file, Hints(sample_rate=1e6))
    assert recording.sample_rate == 1e6 and "200000 samples a second" in recording.warnings[0]
    assert not open_recording(file, Hints(sample_rate=RATE)).warnings
    with pytest.raises(IqFileError, match="sample rate"):
        open_recording(file, Hints(sample_rate=-1))


def mutated(content, rng):
    """One of: bits flipped, cut, a stretch of other bytes, a stretch taken out; more often near the beginning."""
    data = bytearray(content)
    at = int(len(data) * rng.random() ** 2)
    kind = rng.integers(4)
    if kind == 0:
        for _ in range(rng.integers(1, 4)):
            data[int(len(data) * rng.random() ** 2)] ^= 1 << rng.integers(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data[at : at + 8] = rng.bytes(8)
    else:
        del data[at : at + rng.integers(1, 40)]
    return bytes(data)


@pytest.mark.parametrize("name", ["wav", "kiwi", "meta", "tar", "gz", "flac", "mp3", "ogg"])
def test_field_whatever_is_broken(tmp_path, name):
    """Of 40 mutations of each: samples, all finite, or one sentence; never another exception, never endless."""
    rng = np.random.default_rng(3)
    noise = 0.1 * rng.standard_normal((4096, 2))
    raw = np.rint(noise * 32767).astype("<i2").tobytes()
    meta = sigmf(tmp_path / "a", raw, "ci16_le", [{"core:frequency": 1e6}], [{"core:sample_start": 3}])
    if name in ("tar", "gz"):
        with tarfile.open(tmp_path / "b", "w:gz" if name == "gz" else "w") as archive:
            archive.add(meta, "r/r.sigmf-meta")
            archive.add(tmp_path / "a.sigmf-data", "r/r.sigmf-data")
        content = (tmp_path / "b").read_bytes()
    elif name in ("flac", "mp3", "ogg"):
        buffer = io.BytesIO()
        soundfile.write(buffer, noise, 48_000, format=name.upper())
        content = buffer.getvalue()
    else:
        pieces = [(b"kiwi", b"\0" * 10, None), (b"data", raw[:2048], None)] * 3
        whole = [(b"auxi", AUXI, None), (b"data", raw, None)]
        content = meta.read_bytes() if name == "meta" else riff(pieces if name == "kiwi" else whole)
    path = tmp_path / {"meta": "a.sigmf-meta", "gz": "c.sigmf.gz"}.get(name, f"c.{name}")
    outcomes = set()
    for _ in range(40):
        path.write_bytes(mutated(content, rng))
        try:
            recording = open_recording(path)
            count = 0
            for block in recording.blocks(4096):
                assert np.isfinite(block).all()
                count += len(block)
                assert count < 1 << 20
            outcomes.add("read")
        except IqFileError as error:
            assert "\n" not in str(error)
            outcomes.add(error.error_type)
    assert "read" in outcomes
