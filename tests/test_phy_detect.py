"""The detector against theory: false-alarm law, probability of detection, errors, and what must not fire."""

import numpy as np
import pytest
from scipy import stats

from gr_deepsc.phy import detect, pulse
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.frame import STRENGTH, Layout
from gr_deepsc.phy.preamble import CHIRP, DOWN, UP

OSF = pulse.SAMPLES_PER_SYMBOL
HEADER = np.exp(0.5j * np.pi * np.random.default_rng(0).integers(4, size=Layout(1).down - CHIRP))  # or so
PREAMBLE = np.concatenate([UP, HEADER, DOWN])
WORKING_POINT = -10 + 10 * np.log10(STRENGTH)  # dB, of a chirp's symbols where the payload is at -10 dB
WAVE = pulse.shape(PREAMBLE)


def stream(rng, es_n0_db=np.inf, cfo=0.0, places=(5000.0,), samples=20_000, level=1.0):
    """Preambles whose first symbols peak at `places` (fractional samples), random phases, white noise."""
    out = np.zeros(samples + 8192, np.complex128)
    for place in places:
        whole, part = divmod(place - pulse.DELAY, 1)
        n = np.arange(4096)
        wave = np.zeros(4096, np.complex128)
        wave[64 : 64 + len(WAVE)] = WAVE
        wave = np.fft.ifft(np.fft.fft(wave) * np.exp(-2j * np.pi * np.fft.fftfreq(4096) * part))
        wave *= np.exp(2j * np.pi * (cfo / OSF * (n - 64 - pulse.DELAY - part) + rng.uniform()))
        out[int(whole) + 4096 - 64 :][:4096] += wave
    noise = 0 if es_n0_db == np.inf else complex_gaussian(rng, samples) * 10 ** (-es_n0_db / 20)
    return (level * (out[4096 : 4096 + samples] + noise)).astype(np.complex64)


def detections(samples, piece=None):
    detector, found = detect.Detector(), []
    for part in np.split(samples, range(piece, len(samples), piece)) if piece else [samples]:
        found += detector.push(part)
    return found + detector.flush()


def strong(samples):
    return [d for d in detections(samples) if d.sure]


def test_chirps_are_orthogonal_to_their_shifts():
    """Chu 1972: continued periodically (about its middle, with a change of sign) a chirp's correlation with its
    shifts vanishes, and that with the other chirp stays near sqrt(N)."""
    twice = {name: np.fft.fft(np.concatenate([x, -x])) for name, x in (("up", UP), ("down", DOWN))}
    for spectrum in twice.values():
        correlation = np.abs(np.fft.ifft(np.abs(spectrum) ** 2)) / 2
        assert correlation[1:CHIRP].max() < 1e-3 * CHIRP
    cross = np.abs(np.fft.ifft(twice["up"] * twice["down"].conj())) / 2
    assert cross.max() < 1.5 * np.sqrt(CHIRP)


@pytest.mark.parametrize("probability", [0.1, 0.01, 1e-3])
def test_law_of_the_statistic_in_noise(probability):
    """As many of the hypotheses exceed `threshold(p)` as p says, for white noise at any level."""
    rng, exceeding, hypotheses = np.random.default_rng(1), 0, 0
    for _ in range(60):
        up, down = detect.correlate((1e-3 * complex_gaussian(rng, 8192)).astype(np.complex64))
        statistic = (up[: -OSF * CHIRP] + down[OSF * CHIRP :])[::OSF]
        exceeding += np.count_nonzero(statistic > detect.threshold(probability))
        hypotheses += len(statistic)
    deviation = np.sqrt(2 / (probability * hypotheses))  # neighbours are somewhat dependent
    assert exceeding / hypotheses == pytest.approx(probability, rel=4 * deviation)


def test_law_against_many_samples_limit():
    """For many symbols the sum of two Betas is a Gamma of shape 2: the exact law lies just below it."""
    for probability in (1e-3, 1e-7, 1e-11):
        gamma = stats.gamma(2).isf(probability) / CHIRP
        assert 0.9 * gamma < detect.threshold(probability) < gamma
        assert detect.false_alarm(detect.threshold(probability)) == pytest.approx(probability, rel=1e-3)


def test_probability_of_detection():
    """At the working point: 2 sum |c|^2 / N0 is noncentral chi-square with 4 degrees and 4 CHIRP Es/N0."""
    es_n0 = 10 ** (WORKING_POINT / 10)
    total = 1 + es_n0  # the signal is in the energy that it is divided by
    theory = stats.ncx2(4, 4 * CHIRP * es_n0).sf(2 * CHIRP * detect.threshold(detect.CANDIDATE) * total)
    assert theory > 0.99
    rng, trials = np.random.default_rng(2), 200
    places = 5000.0 * np.arange(1, trials + 1) + rng.uniform(0, 500, trials)
    starts = [d.start for d in detections(stream(rng, WORKING_POINT, 0, places, 5000 * (trials + 2)))]
    found = np.sum(np.abs(np.subtract.outer(places, starts)).min(1) < 2 * OSF)
    assert found >= stats.binom(trials, theory).ppf(1e-3)


@pytest.mark.parametrize("cfo", [0.0, 0.013, -0.05, 0.1, -0.1])
def test_time_and_frequency(cfo):
    """Errors within twice what two delays give that each reach their CRLB, 1 / (2 pi beta sqrt(2 E/N0)).

    beta is the pulse's root-mean-square bandwidth, about 0.29 cycles a symbol, E/N0 that of one chirp, of
    which a share |cfo| at its end matches nothing. That end costs a bias, too, of up to 2e-4 cycles a symbol.
    """
    rng, es_n0_db, errors = np.random.default_rng(3), 3.0, []
    for _ in range(25):
        place = rng.uniform(4000, 9000)
        (d,) = strong(stream(rng, es_n0_db, cfo, [place]))
        errors.append(((d.start - place) / OSF, d.cfo - cfo))
    time, frequency = np.array(errors).T
    energy = CHIRP * 10 ** (es_n0_db / 10) * (1 - abs(cfo)) ** 2
    delay = 1 / (2 * np.pi * 0.29 * np.sqrt(2 * energy))  # symbols, of one chirp
    assert np.sqrt(np.mean(time**2)) < 1.5 * (1 + 10 * abs(cfo)) * delay / np.sqrt(2)
    assert np.std(frequency) < 2 * (1 + 10 * abs(cfo)) * delay / np.sqrt(2) / CHIRP
    assert abs(np.mean(frequency)) < 2e-4


@pytest.mark.parametrize("piece", [1, 7, 1024, 65_536])
def test_pieces_do_not_matter(piece):
    samples = stream(np.random.default_rng(4), 0, 0.02, [1234.5, 9000.25], 20_000)
    assert detections(samples, piece) == detections(samples)


def test_one_detection_a_preamble_wherever_it_stands():
    """At the very start and end of a stream, and one right behind another; at levels 60 dB apart."""
    first, last = float(pulse.DELAY), 20_000.0 - len(WAVE) + pulse.DELAY
    places = [first, first + OSF * len(PREAMBLE) + 40, 9000.75, last]
    for level in (1e-3, 1.0, 1e3):
        found = strong(stream(np.random.default_rng(5), 20, 0.01, places, level=level))
        assert [d.start for d in found] == pytest.approx(places, abs=0.2)


def test_weaker_neighbour_20_db_below():
    """A level step of 20 dB between two bursts hides neither."""
    rng = np.random.default_rng(6)
    both = stream(rng, np.inf, 0, [4000]) + 0.1 * stream(rng, np.inf, 0, [4000 + 2.1 * OSF * len(PREAMBLE)])
    both += (0.02 * complex_gaussian(rng, len(both))).astype(np.complex64)
    assert len(strong(both)) == 2


def disturbances(rng, samples):
    n = np.arange(samples)
    noise = complex_gaussian(rng, samples)
    steps = np.repeat(10 ** rng.uniform(-3, 3, samples // 3000 + 1), 3000)[:samples]
    qpsk = rng.choice([1, 1j, -1, -1j], samples // OSF - pulse.SPAN)
    chirp = np.exp(1j * np.pi * 5 * (n % 4096) ** 2 / 4096)
    yield "noise", noise
    yield "sine", np.exp(2j * np.pi * 0.0371 * n) + 1e-2 * noise
    yield "DC", 1 + 1e-3 * noise
    yield "level steps", steps * noise
    yield "sine in steps", steps * np.exp(2j * np.pi * 0.02 * n)
    sent = pulse.shape(qpsk)
    yield "QPSK", sent + 1e-2 * noise[: len(sent)]
    yield "another chirp", chirp
    yield "silence", 0 * noise


def check_quiet(samples):
    for name, disturbance in disturbances(np.random.default_rng(7), samples):
        found = detections(disturbance.astype(np.complex64))
        assert not [d for d in found if d.sure], name
        # each start has (2 * 62 + 1) * 2 hypotheses, and those of neighbouring samples are nearly one
        assert len(found) <= 5 + samples * 250 * detect.CANDIDATE, name


def test_nothing_else_is_a_burst():
    check_quiet(400_000)


@pytest.mark.slow
def test_nothing_else_is_a_burst_in_two_minutes():
    """120 s at 200 ksample/s of each."""
    check_quiet(24_000_000)


def test_fading_between_the_chirps():
    """One coefficient in 128 symbols, Rayleigh, mean Es/N0 of 4 dB: seven coefficients, at least 0.9 found."""
    rng, trials, gap = np.random.default_rng(8), 60, 5000
    samples = np.zeros(gap * (trials + 2), np.complex64)
    places = gap * np.arange(1, trials + 1)
    for place in places:
        h = np.repeat(complex_gaussian(rng, 7), 128)[: len(PREAMBLE)]
        samples[place - pulse.DELAY :][: len(WAVE)] += pulse.shape(h * PREAMBLE)
    samples = samples + 10 ** (-4 / 20) * complex_gaussian(rng, len(samples))
    starts = [d.start for d in detections(samples)]
    assert np.mean(np.abs(np.subtract.outer(places, starts)).min(1) < 2 * OSF) >= 0.9
