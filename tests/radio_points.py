"""The radio test points of a trusted modem, measured; `python tests/radio_points.py` writes docs/impairments.md.

Every function takes the size of its measurement, from 0 to 1 (all of it), and yields points. "Effective Es/N0" is that
at which ideal CSI would leave the same mean square error of the symbols: 1 / mse - 1 where nothing fades.
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
from scipy import signal, stats

from gr_deepsc.codec.framewise import FramewiseDecoder, FramewiseEncoder
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.phy import burst, channel, equalise, fading, frame, header, impair, receiver, utterance
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.burst import Burst
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.preamble import LONG, MAX_CFO, PREAMBLES, Preamble
from gr_deepsc.speech import audio

SAMPLES = Path(__file__).parent / "samples"
SILENCE = 3000  # samples around a burst
RATE = 200_000  # samples a second, for what is given in seconds


class Point(NamedTuple):
    """One line of the table; `passed` is None where the value is only reported."""

    test: str
    condition: str
    measured: str
    wanted: str
    passed: bool | None


def wave(
    rng: np.random.Generator, payload: np.ndarray, seq: int = 0, preamble: Preamble = LONG
) -> tuple[header.Header, np.ndarray]:
    """A burst of a random user in silence."""
    head = header.Header(1, int(rng.integers(65_536)), seq % 32, 0, True, len(payload) // 20)
    return head, np.pad(burst.modulate(head, payload, preamble), SILENCE)


def receive(samples: np.ndarray) -> list:
    modem = receiver.BurstReceiver()
    return modem.push(samples) + modem.flush()


def one(samples: np.ndarray, head: header.Header) -> Burst | None:
    """The burst with this header."""
    return next((e for e in receive(samples) if isinstance(e, Burst) and e.header == head), None)


def effective(samples_of, frames: int, bursts: int, seed: int) -> tuple[float, int]:
    """Effective Es/N0 (dB) over `bursts` Gaussian payloads; how many were lost. `samples_of(wave, rng)` is the path."""
    rng, squares, lost = np.random.default_rng(seed), [], 0
    for k in range(bursts):
        payload = complex_gaussian(rng, 20 * frames).astype(np.complex64)
        head, samples = wave(rng, payload, k)
        found = one(samples_of(samples, rng), head)
        lost += found is None
        squares += [np.mean(np.abs(found.symbols - payload) ** 2)] if found else []
    return 10 * float(np.log10(max(1 / np.mean(squares) - 1, 1e-3))) if squares else -np.inf, lost


# calibration --------------------------------------------------------------------------------------------------------


def calibration(size: float) -> Iterator[Point]:
    """QPSK as payload: bit error rate Q(sqrt(Es/N0)) a bit, at least a million bits a point at full size."""
    frames = 375
    bursts = max(2, round(67 * size))
    for es_n0_db in (0, 2, 4, 6, 8, 10) if size == 1 else (4,):
        rng, errors, ideal, bits = np.random.default_rng(1), 0, 0, 0
        for _ in range(bursts):
            sent = rng.integers(0, 2, (20 * frames, 2))
            payload = ((1 - 2 * sent) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
            head, samples = wave(rng, payload)
            n0 = noise_variance(es_n0_db)
            found = one(impair.noise(samples, n0, rng), head)
            got = channel.transmit(payload, "awgn", es_n0_db, rng).symbols
            bits += sent.size
            errors += sent.size / 2 if found is None else _bit_errors(found.symbols, sent)
            ideal += _bit_errors(got, sent)
        for name, count, limit in (("ideal CSI", ideal, 0.2), ("real synchronisation", errors, 1.0)):
            loss = es_n0_db - 20 * np.log10(stats.norm.isf(count / bits))
            yield Point(
                "calibration",
                f"QPSK, {es_n0_db} dB, {name}, {bits:.1e} bits",
                f"BER {count / bits:.2e}, theory {stats.norm.sf(10 ** (es_n0_db / 20)):.2e}: loss {loss:.2f} dB",
                f"<= {limit} dB",
                bool(loss <= limit),
            )


def _bit_errors(symbols: np.ndarray, sent: np.ndarray) -> int:
    return int(np.sum((symbols.real < 0) != sent[:, 0]) + np.sum((symbols.imag < 0) != sent[:, 1]))


# carrier, clock, time ------------------------------------------------------------------------------------------------


def carrier(size: float) -> Iterator[Point]:
    """Effective Es/N0 lost by a carrier offset, at -4 dB."""
    bursts = max(4, round(30 * size))
    path = lambda cfo: lambda s, rng: Air("awgn", -4, cfo=cfo, delay=rng.uniform(0, 4))(s, rng)  # noqa: E731
    still, _ = effective(path(0.0), 150, bursts, 2)
    for cfo in (0.0, 0.01, 0.05, MAX_CFO):
        got, lost = effective(path(cfo), 150, bursts, 2)
        yield Point(
            "CFO",
            f"{100 * cfo:g} % of the symbol rate, -4 dB, {bursts} bursts",
            f"loss {still - got:.2f} dB, {lost} lost",
            "<= 0.5 dB",
            still - got <= 0.5 and lost == 0,
        )


def clock(size: float) -> Iterator[Point]:
    """The longest burst, 15 s of speech, at -4 dB."""
    bursts = max(2, round(12 * size))
    path = lambda ppm: lambda s, rng: Air("awgn", -4, clock_ppm=ppm, delay=rng.uniform(0, 4))(s, rng)  # noqa: E731
    still, _ = effective(path(0.0), 375, bursts, 3)
    for ppm in (20, -20, 125, -125, 200, -200, 625, 1000) if size == 1 else (200, -200):
        got, lost = effective(path(ppm), 375, bursts, 3)
        yield Point(
            "clock",
            f"{ppm:+d} ppm over 15 s of speech, -4 dB, {bursts} bursts",
            f"loss {still - got:.2f} dB, {lost} lost",
            "0 lost" if abs(ppm) <= 200 else "reported",
            lost == 0 and still - got < 0.5 if abs(ppm) <= 200 else None,
        )


def timing(size: float) -> Iterator[Point]:
    """40 offsets within a symbol: the spread of the character error rate, same noise."""
    offsets = np.arange(40 if size == 1 else 5) * 4 / (40 if size == 1 else 5)
    rates = [cer(Air("awgn", 4.0, delay=offset), seeds=2) for offset in offsets]
    yield Point(
        "timing",
        f"{len(offsets)} offsets within a symbol, 4 dB",
        f"CER {min(rates):.3f}..{max(rates):.3f}",
        "spread <= 0.01",
        max(rates) - min(rates) <= 0.01,
    )


def drift(size: float) -> Iterator[Point]:
    """A carrier that moves all the time; a minus sign is the same by symmetry, and tried in the quick tests."""
    seeds = 8 if size == 1 else 1
    for es_n0_db in (6.0, 20.0):
        still = cer(Air("awgn", es_n0_db), seeds=seeds)
        for name, rate, speeds in (("audio", 1_200, (3, 5, 10, 20)), ("usrp", 50_000, (6_000, 10_000))):
            for speed in speeds if size == 1 else speeds[-1:]:
                moving = cer(Air("awgn", es_n0_db, drift=speed / rate**2), seeds=seeds)
                yield Point(
                    "drift",
                    f"{name}, {speed} Hz/s, {es_n0_db:g} dB, {3 * seeds} utterances",
                    f"CER {moving:.3f}, {still:.3f} without",
                    "<= 0.01 more",
                    moving - still <= 0.01,
                )


# finding -------------------------------------------------------------------------------------------------------------


def false_sync(size: float) -> Iterator[Point]:
    """What is no burst."""
    rng, seconds = np.random.default_rng(4), 120 * size
    count = int(RATE * seconds)
    n = np.arange(count)
    quiet = complex_gaussian(rng, count).astype(np.complex64)
    qpsk = np.exp(0.5j * np.pi * rng.integers(4, size=count // 4 + 20)).astype(np.complex64)
    other = np.exp(1j * np.pi * 3 * np.arange(256) ** 2 / 256)
    for k in range(0, len(qpsk) - 256, 4000):
        qpsk[k : k + 256] = other
    for name, samples in (
        ("white noise", quiet),
        ("sine 20 dB above noise", 10 * np.exp(2j * np.pi * 0.0371 * n) + quiet),
        ("DC 20 dB above noise", 10 + quiet),
        ("QPSK of another preamble, 10 dB", 2 * np.sqrt(10) * burst.shape(qpsk)[:count] + quiet),
    ):
        modem, events = receiver.BurstReceiver(), []
        for start in range(0, count, 1 << 20):
            events += modem.push(samples[start : start + (1 << 20)].astype(np.complex64))
        events += modem.flush()
        text = f"{len(events)} events"
        yield Point("false sync", f"{seconds:g} s of {name}", text, "0 bursts", not events)
    voices = [audio.read(str(path)) for path in sorted(SAMPLES.glob("*.flac"))]
    modem, events = receiver.BurstReceiver(symbol_rate=1200.0), []
    # as `deepsc play --profile audio` hears it, at several pitches: other speakers
    for pitch in np.linspace(0.7, 1.4, 15) if size == 1 else (1.0,):
        for samples, rate in voices:
            events += modem.push(_in_audio_band(samples, rate / pitch))
    events += modem.flush()
    yield Point("false sync", "speech, audio profile", f"{len(events)} events", "0 bursts", not events)


def _in_audio_band(samples: np.ndarray, rate: float) -> np.ndarray:
    """What is left of a sound about 1500 Hz, at 4800 samples a second: complex64."""
    moved = samples * np.exp(-2j * np.pi * 1500 / rate * np.arange(len(samples)))
    return signal.resample(moved, round(len(samples) * 4800 / rate)).astype(np.complex64)


def detection(size: float) -> Iterator[Point]:
    """Found, and the header right. Of 1,000 bursts the standard error at 0.99 is 0.003, of 300 at 0.9 it is 0.017; of
    the 40 of the small size 0.016 and 0.047. It fails where chance would make so few of them once in 100 times."""
    for name, kind, es_n0_db, least, total in (
        ("long", "awgn", -10, 0.99, 1000),
        ("long", "awgn", -8, 0.99, 1000),
        ("short", "awgn", -4.5, 0.99, 1000),
        ("long", "rayleigh", 0, 0.9, 300),
        ("long", "rician", 0, 0.9, 300),
    ):
        rng, count = np.random.default_rng(5), max(40, round(total * size))
        air, heads, parts = Air(kind, es_n0_db), [], []
        for k in range(count):
            payload = complex_gaussian(rng, 20).astype(np.complex64)
            head, samples = wave(rng, payload, k, PREAMBLES[name])
            heads.append(head)
            # so many short bursts without a pause are more than a receiver works on (phy/budget.py)
            samples = np.pad(samples, (0, 12_000))
            parts.append(air(impair.delay(samples, rng.uniform(0, 4)), rng))
        got = {e.header for e in receive(np.concatenate(parts)) if isinstance(e, Burst)}
        found = sum(head in got for head in heads)
        yield Point(
            "detection",
            f"{name} preamble, {kind}, {es_n0_db} dB, {count} bursts",
            f"{found / count:.4f} found and read, {len(got - set(heads))} false",
            f">= {least}",
            found >= stats.binom(count, least).ppf(0.01) and got <= set(heads),
        )


def shapes(size: float) -> Iterator[Point]:
    """The same stream in pieces of other sizes: every number of every burst the same, to the last bit."""
    rng, parts = np.random.default_rng(9), []
    for k, frames in enumerate((5, 30, 2) if size == 1 else (5, 2)):
        parts.append(wave(rng, complex_gaussian(rng, 20 * frames).astype(np.complex64), k)[1])
    samples = impair.noise(np.concatenate(parts), noise_variance(3), rng)
    whole = receive(samples)
    for piece in (1, 7, 1024, 65_536) if size == 1 else (7, 1024):
        modem, events = receiver.BurstReceiver(), []
        for start in range(0, len(samples), piece):
            events += modem.push(samples[start : start + piece])
        events += modem.flush()
        same = len(events) == len(whole) == len(parts) and all(
            np.array_equal(a, b)
            for one, other in zip(events, whole, strict=True)
            for a, b in zip(one, other, strict=True)
        )
        yield Point(
            "stream shapes",
            f"{piece} samples at a time",
            "the same to the last bit" if same else "not the same",
            "identical output",
            same,
        )


# level, converters, echoes -------------------------------------------------------------------------------------------


def level(size: float) -> Iterator[Point]:
    """Character error rate at other levels, at 8 dB, same noise."""
    air, seeds = Air("awgn", 8.0), 3 if size == 1 else 1
    plain = cer(air, seeds=seeds)
    limiter = lambda s: impair.clip(s, np.quantile(np.abs(s[s != 0]), 0.9))  # noqa: E731
    cases = [(f"{db} dBFS", lambda s, g=10 ** (db / 20): s, 10 ** (db / 20)) for db in (-60, -40, -20, 0)]
    for name, change, gain in [*cases, ("10 % of the samples clipped", limiter, 1.0)]:
        rate = cer(air, seeds=seeds, before=change, gain=gain)
        yield Point(
            "level", f"{name}, 8 dB", f"CER {rate:.3f}, {plain:.3f} without", "within 0.01", abs(rate - plain) <= 0.01
        )


def level_step(size: float) -> Iterator[Point]:
    """Two bursts 20 dB apart, one right behind the other, both 20 dB above the noise or more."""
    for first, second in ((0, -20), (-20, 0)):
        rng, losses = np.random.default_rng(10), []
        for k in range(max(3, round(10 * size))):
            payloads = [complex_gaussian(rng, 400).astype(np.complex64) for _ in range(2)]
            waves = [wave(rng, payload, seq) for payload, seq in zip(payloads, (2 * k, 2 * k + 1), strict=True)]
            gains = [10 ** (db / 20) for db in (first, second)]
            samples = np.concatenate([g * samples for g, (_, samples) in zip(gains, waves, strict=True)])
            samples = impair.noise(samples.astype(np.complex64), noise_variance(40), rng)
            found = [one(samples, head) for head, _ in waves]
            losses += [
                f is None or np.mean(np.abs(f.symbols - p) ** 2) > 0.02 for f, p in zip(found, payloads, strict=True)
            ]
        yield Point(
            "level",
            f"a step of {second - first:+d} dB between two bursts",
            f"{len(losses) - sum(losses)} of {len(losses)} read, symbols' error below -17 dB",
            "all",
            not any(losses),
        )


def quantiser(size: float) -> Iterator[Point]:
    """Effective Es/N0 lost, at 10 dB; rms 12 dB below full scale."""
    bursts = max(4, round(20 * size))
    for bits in (8, 12):
        coarse = lambda s, rng, bits=bits: impair.quantise(0.25 * Air("awgn", 10)(s, rng), bits)  # noqa: E731
        fine = lambda s, rng: Air("awgn", 10)(s, rng)  # noqa: E731
        loss = effective(fine, 75, bursts, 6)[0] - effective(coarse, 75, bursts, 6)[0]
        yield Point("quantiser", f"{bits} bits, 10 dB", f"loss {loss:.2f} dB", "<= 0.3 dB", loss <= 0.3)


def drops(size: float) -> Iterator[Point]:
    """Samples lost in the midst of a burst: the next one, 3000 samples later, is read."""
    for count in (1, 10, 100, 1000, 10_000):
        rng = np.random.default_rng(7)
        _, first = wave(rng, complex_gaussian(rng, 20 * 200).astype(np.complex64), 1)
        head, second = wave(rng, complex_gaussian(rng, 200).astype(np.complex64), 2)
        samples = impair.noise(np.concatenate([first, second]), noise_variance(6), rng)
        read = one(impair.drop(samples, SILENCE + 4000, count), head) is not None
        yield Point("drops", f"{count} samples", "next burst read" if read else "next burst lost", "read", read)


def multipath(size: float) -> Iterator[Point]:
    """Watterson channels at 1200 symbols a second (the audio band), against flat fading of the same spread."""
    seeds = 6 if size == 1 else 1
    for name, (_, doppler) in fading.PROFILES.items():
        for es_n0_db in (-4, 0, 3, 6, 10, 15) if size == 1 else (6,):
            rates = []
            for profile in ((0.0, doppler), name):
                air = lambda s, rng, p=profile, db=es_n0_db: impair.noise(  # noqa: E731
                    fading.watterson(s, 1200.0, p, rng), noise_variance(db), rng
                )
                rates.append(cer(air, seeds=seeds))
            asked = es_n0_db == 6
            yield Point(
                "multipath",
                f"{name}, {es_n0_db} dB, {3 * seeds} utterances",
                f"CER {rates[1]:.3f}, flat {rates[0]:.3f}",
                "within 0.05 of flat" if asked else "reported",
                rates[1] - rates[0] <= 0.05 if asked else None,
            )


def fast_fading(size: float) -> Iterator[Point]:
    """Clarke's (Jakes') spectrum at 1200 symbols a second: at 10 Hz a cycle is 120 symbols, a pilot stands every 17."""
    seeds = 8 if size == 1 else 1
    for doppler in (5, 10):
        path = lambda s, rng, hz=doppler: impair.noise(  # noqa: E731
            fading.doppler_fading(s, hz / 1200, rng).samples, noise_variance(6), rng
        )
        rate = cer(path, seeds=seeds)
        yield Point(
            "fast fading",
            f"Jakes, {doppler} Hz, audio, 6 dB, {3 * seeds} utterances",
            f"CER {rate:.3f}",
            "<= 0.08",
            rate <= 0.08,
        )


def modem_loss(size: float) -> Iterator[Point]:
    """Es/N0 at CER 0.15 of the whole modem against ideal CSI, interleaved alike."""
    seeds = 20 if size == 1 else 2
    for name, grid, limit in (
        ("awgn", (-8, -7, -6, -5, -4, -3), 1.5),
        ("rayleigh", (-6, -4, -2, 0, 2), 2.5),
        ("rician", (-7, -5, -3, -1, 1), 2.5),
        ("fading_model, Doppler 1 % a block", (-8, -6, -4, -2, 0, 2, 4), 2.5),
    ):
        points = []
        for ideal in (True, False):
            rates = [cer(_path(name, db), seeds=seeds, ideal=(name, db) if ideal else None) for db in grid]
            points.append(_crossing(grid, rates, 0.15))
        loss = points[1] - points[0]
        yield Point(
            "modem loss",
            f"{name}, {3 * seeds} utterances a point",
            f"CER 0.15 at {points[1]:.1f} dB, ideal CSI {points[0]:.1f}: loss {loss:.1f} dB",
            f"<= {limit} dB",
            bool(loss <= limit),
        )


def _path(name: str, es_n0_db: float):
    if name in channel.KINDS:
        return Air(name, es_n0_db)
    doppler = 0.01 / channel.BLOCK
    return lambda s, rng: impair.noise(fading.doppler_fading(s, doppler, rng).samples, noise_variance(es_n0_db), rng)


def _crossing(grid: tuple, rates: list[float], at: float) -> float:
    """Where a falling curve passes `at`, linear between its points."""
    falling = np.minimum.accumulate(rates)
    return float(np.interp(-at, -falling, grid))


# speech --------------------------------------------------------------------------------------------------------------


@cache
def speech() -> list[tuple[str, np.ndarray]]:
    """Text and payload of the shipped recordings."""
    transmitter = FramewiseEncoder("default")
    lines = (SAMPLES / "transcripts.csv").read_text().splitlines()
    texts = dict(line.split("|", 1) for line in lines)
    found = []
    for path in sorted(SAMPLES.glob("*.flac")):
        samples, rate = audio.read(str(path))
        found.append((texts[path.stem], transmitter(audio.check(samples, rate))[0]))
    return found


@cache
def model() -> FramewiseDecoder:
    return FramewiseDecoder("default")


def spell(symbols: np.ndarray, reliability: np.ndarray) -> str:
    return greedy(model()(symbols, reliability))[0]


def cer(path, seeds: int, before=None, gain: float = 1.0, ideal: tuple | None = None) -> float:
    """Character error rate of the recordings over `path(samples, rng)`; a lost burst is a lost text."""
    truths, texts = [], []
    for seed in range(seeds):
        for k, (text, payload) in enumerate(speech()):
            rng = np.random.default_rng([8, seed, k])
            truths.append(text)
            if ideal:
                texts.append(spell(*_ideal(payload, *ideal, rng)))
                continue
            (samples,) = utterance.split(payload, 0, k, seed)
            samples = np.pad(samples, SILENCE)
            samples = path(before(samples) if before else samples, rng)
            events = [e for e in receive((gain * samples).astype(np.complex64)) if isinstance(e, Burst)]
            texts.append(spell(events[0].symbols, events[0].reliability) if events else "")
    return jiwer.cer(truths, texts)


def _ideal(payload: np.ndarray, name: str, es_n0_db: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Symbols and reliability with h and N0 known, interleaved as in a burst."""
    sent, n0 = frame.interleave(payload), noise_variance(es_n0_db)
    if name in channel.KINDS:
        received = channel.transmit(sent, name, es_n0_db, rng)
        y, h = received.symbols, received.csi
    else:
        h = fading.clarke(len(sent), 0.01 / channel.BLOCK, rng)
        y = h * sent + np.sqrt(n0) * complex_gaussian(rng, len(sent))
    z, rho = equalise.mmse(y, h, n0)
    return frame.deinterleave(z), frame.deinterleave(rho)


TESTS = (
    calibration, carrier, clock, timing, drift, false_sync, detection, shapes, level, level_step, quantiser, drops,
    multipath, fast_fading, modem_loss,
)  # fmt: skip


def check(test, size: float) -> None:
    """A test of all points of one function: prints them, and none may fail."""
    points = list(test(size))
    for point in points:
        print(*point, sep=" | ")
    assert not [point for point in points if point.passed is False]


def main() -> None:
    import link_crowds
    import link_points  # which have their `Point` from here
    import radio_impairments

    lines = [
        "# Impairments",
        "",
        "Written by `.venv/bin/python tests/radio_points.py`; the points are tests, too: `make test-slow`.",
        "Es/N0 is that of a payload symbol. Speech: the three recordings of `tests/samples`, default model,",
        "frame by frame (`--rate paper`); of `interference`, `front end` and losses in a burst",
        "the codec with context.",
        "What is only reported shows where it ends: clocks beyond 300 ppm are found by chance only, and echoes",
        "that fade fast cost text below 0 dB.",
        "",
        "| test | condition | measured | wanted | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for test in (*TESTS, *radio_impairments.TESTS, *link_points.TESTS, *link_crowds.TESTS):
        for point in test(1.0):
            verdict = {True: "passed", False: "**failed**", None: "reported"}[point.passed]
            lines.append("| " + " | ".join([*point[:-1], verdict]) + " |")
            print(lines[-1], flush=True)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "impairments.md"
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
