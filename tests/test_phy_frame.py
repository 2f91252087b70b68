"""The burst's layout: every symbol has one place, and the overhead is what was promised."""

import numpy as np
import pytest

from gr_deepsc.framing import FRAME_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.phy import frame, header
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.frame import GUARD, PILOT_EVERY, STRENGTH, Layout
from gr_deepsc.phy.preamble import LONG, PREAMBLES, SHORT

HEADER = header.encode(header.Header(1, 2, 3, 0, True, 7))


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
@pytest.mark.parametrize("frames", [1, 4, 5, 150, 375, 512])
def test_every_place_is_taken_once(frames, kind):
    layout = Layout(frames, kind)
    chirps = [*range(kind.chirp), *range(layout.down, layout.down + kind.chirp)]
    places = np.concatenate([chirps, layout.header, layout.payload, layout.pilots])
    assert np.array_equal(np.sort(places), np.arange(layout.end))
    assert len(layout.payload) == SYMBOLS_PER_FRAME * frames
    assert layout.payload[-1] < layout.pilots[-1] == layout.end - 1  # the payload's last symbol is bracketed
    gaps = np.diff(layout.pilots[layout.header_pilots :])
    assert gaps.max(initial=0) <= PILOT_EVERY + 1


@pytest.mark.parametrize(("seconds", "overhead"), [(1, 0.625), (3, 0.373), (6, 0.248), (15, 0.145)])
def test_overhead(seconds, overhead):
    """At most a quarter of the burst for 6 s of speech; the mean energy that goes with it."""
    layout = Layout(seconds * FRAME_RATE)
    assert layout.overhead == pytest.approx(overhead, abs=1e-3)
    payload = complex_gaussian(np.random.default_rng(0), len(layout.payload)).astype(np.complex64)
    payload /= np.sqrt(np.mean(np.abs(payload) ** 2))
    symbols = frame.assemble(HEADER, payload)
    assert len(symbols) == layout.symbols
    mean_energy = (STRENGTH * (layout.end - len(payload)) + len(payload)) / layout.end
    assert np.mean(np.abs(symbols[GUARD:-GUARD]) ** 2) == pytest.approx(mean_energy, rel=1e-5)


def test_six_seconds_cost_at_most_a_quarter():
    assert Layout(6 * FRAME_RATE).overhead <= 0.25


def test_five_seconds_at_the_lowest_rate():
    """75 characters of 8 symbols: at most 35 % are not payload with the short preamble, 58 % with the long one."""
    frames = 75 * 8 // SYMBOLS_PER_FRAME
    assert Layout(frames, SHORT).overhead <= 0.35
    assert Layout(frames).overhead == pytest.approx(0.583, abs=1e-3)


def test_interleaving_spreads_a_frame_over_the_burst():
    """Undone exactly; the symbols of a frame are a twentieth of the burst apart, so that a fade of 128 symbols
    takes at most one of the 20 of any frame of a burst of 128 frames or more."""
    frames = 150
    payload = np.arange(SYMBOLS_PER_FRAME * frames)
    sent = frame.interleave(payload)
    assert np.array_equal(frame.deinterleave(sent), payload)
    faded = np.zeros(len(payload))
    faded[1000:1128] = 1
    assert frame.deinterleave(faded).reshape(frames, -1).sum(1).max() == 1


def test_assembled_burst():
    """Chirps, pilots and header have one modulus; ramp and tail rise and fall."""
    payload = complex_gaussian(np.random.default_rng(1), 140).astype(np.complex64)
    symbols, layout = frame.assemble(HEADER, payload), Layout(7)
    burst = symbols[GUARD:-GUARD]
    strong = np.sqrt(STRENGTH)
    assert np.allclose(burst[: LONG.chirp], strong * LONG.up) and np.allclose(
        burst[layout.down :][: LONG.chirp], strong * LONG.down
    )
    assert np.allclose(burst[layout.header], strong * HEADER)
    assert np.allclose(np.abs(burst[layout.pilots]), strong)
    assert np.allclose(frame.deinterleave(burst[layout.payload]), payload)
    assert np.all(np.diff(np.abs(symbols[: GUARD + 1])) > 0) and np.all(np.diff(np.abs(symbols[-GUARD - 1 :])) < 0)


def test_pilots_do_not_repeat():
    """No shift of the pilots resembles them: Zadoff-Chu's out-of-phase correlation, 1 / sqrt(prime) cyclically."""
    pilots = frame.pilot_sequence(1021)
    correlation = np.abs(np.fft.ifft(np.abs(np.fft.fft(pilots)) ** 2)) / len(pilots)
    assert correlation[0] == pytest.approx(1, rel=1e-5) and correlation[1:].max() < 1e-4
