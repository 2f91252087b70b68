"""What the air, a radio and a recorder do to a burst beside noise: rows of `radio_points.py`, which writes the table.

Speech: the three recordings of `tests/samples` by the codec with context at 520 symbols a second, Es/N0 6 dB.
"""

import io
from collections.abc import Callable, Iterator
from functools import cache, partial

import jiwer
import numpy as np
import soundfile
from radio_points import SAMPLES, SILENCE, Point, receive
from scipy import signal

from gr_deepsc.codec.decode import Decoder
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.rates import sentence
from gr_deepsc.english import plain
from gr_deepsc.phy import fading, impair, utterance
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.burst import Burst
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.preamble import PREAMBLES
from gr_deepsc.phy.resample import Resampler
from gr_deepsc.phy.units import energy_n0_db
from gr_deepsc.speech import audio

ES_N0_DB = 6.0
POWER = 0.25  # of the payload, a sample
SYMBOL_RATE = 1200.0  # in the audio band
CENTRE = 1500.0  # Hz, of the audio band

Path = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@cache
def speech(rate: int = 520) -> list[tuple[str, np.ndarray, int]]:
    """Text, as it is spoken, symbols and codec of the recordings."""
    lines = (SAMPLES / "transcripts.csv").read_text().splitlines()
    encoder, texts = Encoder(rate=rate), dict(line.split("|", 1) for line in lines)
    found = []
    for path in sorted(SAMPLES.glob("*.flac")):
        sent = encoder(audio.check(*audio.read(str(path))))
        found.append((plain(texts[path.stem]), sent.symbols, sent.codec))
    return found


@cache
def decoder() -> Decoder:
    return Decoder()


def received(samples: np.ndarray, codec: int) -> tuple[Burst | None, str]:
    """The first burst in them and its text, as it is spoken; a lost burst is a lost text."""
    found = [event for event in receive(samples.astype(np.complex64)) if isinstance(event, Burst)]
    if not found:
        return None, ""
    return found[0], plain(decoder()(found[0].symbols, found[0].reliability, codec).text)


def heard(path: Path, seeds: int, before: Path | None = None) -> tuple[float, list[Burst | None]]:
    """Character error rate, and the bursts: `before` is the sender's side of the noise, `path` the receiver's."""
    truths, texts, bursts = [], [], []
    for seed in range(seeds):
        for k, (text, symbols, codec) in enumerate(speech()):
            rng = np.random.default_rng([11, seed, k])
            (samples,) = utterance.split(symbols, codec, k, seed)
            samples = np.pad(samples, SILENCE)
            samples = before(samples, rng) if before else samples
            samples = path(impair.noise(samples, noise_variance(ES_N0_DB), np.random.default_rng([12, seed, k])), rng)
            burst, read = received(samples, codec)
            truths.append(text)
            bursts.append(burst)
            texts.append(read)
    return jiwer.cer(truths, texts), bursts


def unchanged(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return samples


def tone(db: float, cycles: float) -> Path:
    """A carrier `db` over the payload, `cycles` a sample from the centre."""
    level = np.sqrt(POWER * 10 ** (db / 10))
    return lambda s, rng: s + level * np.exp(2j * np.pi * (cycles * np.arange(len(s)) + rng.random()))


def impulses(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One sample in a hundred has 20 dB over the payload more."""
    return s + (rng.random(len(s)) < 0.01) * np.sqrt(100 * POWER) * complex_gaussian(rng, len(s))


def rows(test: str, size: float, cases: dict[str, tuple[Path, float | None]], before: bool = False) -> Iterator[Point]:
    """A point each: the change of the character error rate, and how much of it is allowed."""
    seeds = 6 if size == 1 else 1
    without, _ = heard(unchanged, seeds)
    for name, (path, limit) in cases.items():
        rate, _ = heard(unchanged, seeds, path) if before else heard(path, seeds)
        told = f"CER {rate:.3f}, {without:.3f} without"
        wanted, passed = ("reported", None) if limit is None else (f"change <= {limit}", rate - without <= limit)
        yield Point(test, f"{name}, {ES_N0_DB:g} dB", told, wanted, passed)


def interference(size: float) -> Iterator[Point]:
    """Carriers and clicks."""
    cases: dict[str, tuple[Path, float | None]] = {
        f"carrier in the band, {db:+d} dB": (tone(db, 0.0371), 0.02) for db in (-10, 0, 10, 20)
    }
    cases["five carriers in the band, +10 dB each"] = (
        lambda s, rng: s + sum(tone(10, c)(0 * s, rng) for c in (-0.1, -0.05, 0.001, 0.04, 0.11)), 0.02,
    )  # fmt: skip
    for db, limit in ((10, 0.02), (20, None)):
        cases[f"carrier keyed at random, 0.06 s a dot of the audio band, {db:+d} dB"] = (partial(keyed, db=db), limit)
    cases["carrier out of the band, +40 dB"] = (tone(40, 0.3), 0.01)
    cases["impulses, 1 % of the samples, +20 dB"] = (impulses, 0.01)
    yield from rows("interference", size, cases)


def keyed(s: np.ndarray, rng: np.random.Generator, db: float) -> np.ndarray:
    """Morse, nearly: dots of 288 samples with edges of 28."""
    dots = np.repeat(rng.integers(0, 2, len(s) // 288 + 1), 288)[: len(s)]
    return s + np.convolve(dots, np.hanning(30) / np.hanning(30).sum(), "same") * tone(db, 0.0371)(0 * s, rng)


def sideband(size: float) -> Iterator[Point]:
    """Conjugated samples: I and Q exchanged, or the other sideband. The same text, and the result says so."""
    seeds = 6 if size == 1 else 1
    without, _ = heard(unchanged, seeds)
    rate, bursts = heard(lambda s, rng: impair.frequency_offset(s.conj(), 0.03), seeds)
    told = sum(burst is not None and burst.inverted for burst in bursts)
    yield Point(
        "spectrum",
        f"inverted, {ES_N0_DB:g} dB",
        f"CER {rate:.3f}, {without:.3f} without; {told} of {len(bursts)} say so",
        "change <= 0.01, all",
        rate - without <= 0.01 and told == len(bursts),
    )


def low_rate(size: float) -> Iterator[Point]:
    """130 symbols a second of speech, with either preamble; energy counts all symbols of a sentence of 5 s."""
    seeds = 10 if size == 1 else 1
    for name, preamble in PREAMBLES.items():
        _, sent = sentence("130", 5.0, preamble)
        for channel, es_n0_db, wanted in (("awgn", -4.5, 0.15), ("rayleigh", -2.0, None), ("mpp", 0.0, None)):
            truths, texts = [], []
            for seed in range(seeds):
                for k, (text, symbols, codec) in enumerate(speech(130)):
                    rng = np.random.default_rng([13, seed, k])
                    (samples,) = utterance.split(symbols, codec, k, seed, preamble)
                    samples = np.pad(samples, SILENCE)
                    if channel == "mpp":
                        faded = fading.watterson(samples, SYMBOL_RATE, channel, rng)
                        samples = impair.noise(faded, noise_variance(es_n0_db), rng)
                    else:
                        samples = Air(channel, es_n0_db)(samples, rng)
                    truths.append(text)
                    texts.append(received(samples, codec)[1])
            rate = jiwer.cer(truths, texts)
            energy = energy_n0_db(es_n0_db, sent.energy)
            yield Point(
                "130 symbols/s",
                f"{name} preamble, {channel}, {es_n0_db:g} dB, {len(truths)} utterances",
                f"CER {rate:.3f}; {energy:.1f} dB of energy over N0 for 5 s",
                "reported" if wanted is None else f"<= {wanted}",
                None if wanted is None else rate <= wanted,
            )


def losses(size: float) -> Iterator[Point]:
    """Samples lost inside the burst, anywhere but in its header and its last 300 symbols: found, and the rest read."""
    seeds = 6 if size == 1 else 1
    without, _ = heard(unchanged, seeds)
    for count in (20, 100, 2000):

        def path(s: np.ndarray, rng: np.random.Generator, count: int = count) -> np.ndarray:
            return impair.drop(s, int(rng.integers(SILENCE + 3300, len(s) - SILENCE - 1300 - count)), count)

        rate, bursts = heard(path, seeds)
        found = sum(burst is not None and abs(burst.realigned - count) <= 2 for burst in bursts)
        yield Point(
            "drops",
            f"{count} samples inside the burst, {ES_N0_DB:g} dB",
            f"CER {rate:.3f}, {without:.3f} without; found in {found} of {len(bursts)}",
            "CER <= 0.09, nine in ten found",
            rate <= 0.09 and found >= 0.9 * len(bursts),
        )


def phase_noise(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A Wiener process with a line of 10^-4 of the symbol rate: 0.12 Hz in the audio band, 5 Hz at 50,000 a second."""
    steps = np.sqrt(2 * np.pi * 1e-4 / 4) * rng.standard_normal(len(s))
    return s * np.exp(1j * np.cumsum(steps))


def pumping(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An automatic gain that comes down by 6 dB within 100 symbols of a burst, and breathes by 2 dB afterwards."""
    n = np.arange(len(s))
    return s * (0.5 + 0.5 * np.exp(-np.maximum(n - SILENCE, 0) / 400)) * 10 ** (np.sin(2 * np.pi * n / 8000) / 20)


def ssb(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The filter of a transceiver, 0.3 to 2.7 kHz, 1 dB of ripple, in the audio band."""
    sos = signal.cheby1(6, 1.0, [300, 2700], "bandpass", fs=48_000, output="sos")
    return from_audio(signal.sosfilt(sos, to_audio(s, 48_000)), 48_000)


def to_audio(s: np.ndarray, rate: int) -> np.ndarray:
    """What a receiver would play: float64, rms 0.1."""
    up = signal.resample_poly(s, rate // 300, 16)
    real = (up * np.exp(2j * np.pi * CENTRE / rate * np.arange(len(up)))).real
    return 0.1 * real / np.sqrt(np.mean(real**2))


def from_audio(x: np.ndarray, rate: int) -> np.ndarray:
    down = Resampler(4 * SYMBOL_RATE / rate)
    mixed = (x * np.exp(-2j * np.pi * CENTRE / rate * np.arange(len(x)))).astype(np.complex64)
    return np.concatenate([down.push(mixed), down.flush()])


def coded(s: np.ndarray, rng: np.random.Generator, rate: int, container: str, subtype: str) -> np.ndarray:
    """Recorded in the audio band to a file of this kind, and read again."""
    file = io.BytesIO()
    soundfile.write(file, to_audio(s, rate), rate, format=container, subtype=subtype)
    file.seek(0)
    return from_audio(soundfile.read(file)[0], rate)


def front_end(size: float) -> Iterator[Point]:
    """Oscillators, mixers, gains, filters and recordings."""
    cases: dict[str, tuple[Path, float | None]] = {
        "phase noise, a line of 1e-4 of the symbol rate": (phase_noise, 0.01),
        "IQ imbalance 1 dB, 5 degrees": (lambda s, rng: impair.iq_imbalance(s, 1.0, 5.0), 0.01),
        "DC as strong as the payload": (lambda s, rng: impair.dc_offset(s, np.sqrt(POWER)), 0.01),
        "automatic gain, 6 dB down and 2 dB up and down": (pumping, 0.01),
        "SSB filter 0.3 to 2.7 kHz, 1 dB ripple": (ssb, 0.01),
    }
    for name, rate, container, subtype in (
        ("MP3", 48_000, "MP3", "MPEG_LAYER_III"),
        ("Opus", 48_000, "OGG", "OPUS"),
        ("ADPCM", 48_000, "WAV", "MS_ADPCM"),
        ("wav, 44.1 kHz", 44_100, "WAV", "PCM_16"),
    ):
        cases[f"recorded as {name}"] = (partial(coded, rate=rate, container=container, subtype=subtype), 0.01)
    yield from rows("front end", size, cases)


TESTS = (interference, sideband, losses, low_rate, front_end)
