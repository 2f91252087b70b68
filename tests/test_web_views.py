"""What the page draws and marks, against what was sent."""

import base64

import numpy as np
import pytest
from deepsc_host.files.transcripts import error_rates
from deepsc_host.web import views
from deepsc_host.web.words import told

from gr_deepsc.ctc.confidence import Word
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.listener import Listener
from gr_deepsc.phy.utterance import split
from gr_deepsc.result import Result

RATE = 50_000.0


@pytest.fixture(scope="module")
def heard():
    """Samples that are 500 late, 2 kHz off and at 20 dB; the burst in them; what was sent."""
    rng = np.random.default_rng(2)  # of a clock that is estimated to 3 ppm: 50 would be 1 dB
    sent = complex_gaussian(rng, 1200).astype(np.complex64)
    (burst,) = split(sent, codec=0, user_id=0, seq=0)
    samples = Air("awgn", 20.0, cfo=0.04, clock_ppm=40.0, delay=500.0)(np.pad(burst, 4000), rng)
    ear = Listener()
    (reception,) = ear.push(samples) + ear.flush()
    return samples, reception.bursts[0], sent


def test_constellation(heard):
    """Behind time and carrier only noise (-20 dB) and a phase are left; the equaliser takes the phase."""
    samples, burst, sent = heard
    seen = views.constellation(samples, burst, sent)
    before, after = (np.array(seen[name]) @ [1, 1j] for name in ("before", "after"))
    assert len(before) == len(after) == len(seen["angle"]) == 1200
    alike = np.abs(np.vdot(before, sent)) / np.sqrt(np.vdot(before, before).real * np.vdot(sent, sent).real)
    assert 10 * np.log10(1 / alike**2 - 1) == pytest.approx(-20, abs=1)
    assert 10 * np.log10(np.mean(np.abs(after - sent) ** 2)) == pytest.approx(-20, abs=1)
    assert np.exp(2j * np.pi * np.array(seen["angle"])) == pytest.approx(sent / np.abs(sent), abs=0.01)


def test_waterfall(heard):
    """The band of the signal, 62.5 kHz less its flanks, is bright where payload is named, and dark before the burst."""
    samples, burst, _ = heard
    seen = views.waterfall(samples, burst, RATE)
    levels = np.frombuffer(base64.b64decode(seen["pixels"]), np.uint8).reshape(seen["rows"], seen["columns"])
    x0, x1, y0, y1 = seen["extent"]
    times = x0 + (np.arange(seen["columns"]) + 0.5) / seen["columns"] * (x1 - x0)
    kilohertz = y0 + np.arange(seen["rows"]) / seen["rows"] * (y1 - y0)
    begin, end = seen["parts"]["payload"]
    inside, band = (times > begin) & (times < end), np.abs(kilohertz - 2.0) < 20
    outside = (times < seen["parts"]["preamble up"][0] - 0.5) | (times > end + 0.5)
    to_db = seen["range_db"] / 255
    # in the band 20 dB over the noise, which has 4 times the signal's rate, less what the noise adds
    contrast = np.median(levels[np.ix_(band, inside)]) - np.median(levels[np.ix_(band, outside)])
    assert contrast * to_db == pytest.approx(20, abs=2)
    assert np.median(levels[np.ix_(band, inside)]) - np.median(levels[~band][:, inside]) > 10 / to_db
    up, header, down, payload = seen["parts"].values()
    assert up[0] == 0 and up[1] == header[0] and header[1] == down[0] and down[1] == payload[0]
    assert end == pytest.approx(1e3 * burst.samples / (4 * RATE), abs=0.05)


def test_spectrograms():
    """A tone is a line at its frequency, in both pictures equally bright at any level."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    seen = views.speech(tone, 0.01 * tone, 16000)
    for picture in seen.values():
        levels = np.frombuffer(base64.b64decode(picture["pixels"]), np.uint8).reshape(picture["rows"], -1)
        rows, (low, high) = picture["rows"], picture["extent"][2:]
        assert low + levels.mean(1).argmax() / rows * (high - low) == pytest.approx(1.0, abs=0.1)
        assert np.median(levels.max(0)) > 250


def received(text: str) -> Result:
    return Result(text=text, words=tuple(Word(word, 0.5) for word in text.split()))


@pytest.mark.parametrize(
    "text, reference, expected",
    [
        ("The jail fell.", "the jail fell", "The jail fell."),
        ("It was 12 feet", "it was twelve feet", "It was 12 feet"),
        ("It was 13 feet", "it was twelve feet", "It was 13[twelve] feet"),
        ("a b d", "a b c d", "a b -c- d"),
        ("a b", "a b c d", "a b -c d-"),
        ("a x b", "a b", "a x[] b"),
        ("x y", "a b", "x[a] y[b]"),
        ("", "a b", "-a b-"),
        ("...", "a b", "... -a b-"),
    ],
)
def test_words_against_what_was_said(text, reference, expected):
    """Wrong ones with what was said in brackets, missing ones between dashes."""
    shown = [
        f"-{each['missing']}-"
        if "missing" in each
        else each["word"] + ("" if each["right"] else f"[{each.get('said', '')}]")
        for each in told(received(text), reference)
    ]
    assert " ".join(shown) == expected


def test_without_a_reference():
    result = received("a b")
    assert told(result, "") == [{"word": word, "confidence": 0.5, "right": None} for word in "ab"]
    assert error_rates(result, "") == {}
    assert error_rates(result, "a c") == {"cer": round(1 / 3, 4), "wer": 0.5}
