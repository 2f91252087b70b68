"""Spectrum Link: a tone where it is, as strong as it is, to whoever listens."""

import numpy as np
import pytest
import zmq
from gnuradio import analog, blocks, gr
from graph import running
from hosts import free_addresses

from gr_deepsc.blocks import SpectrumLink
from gr_deepsc.link.protocol import ProtocolError
from gr_deepsc.link.sockets import open_socket
from gr_deepsc.link.spectrum import BINS, Spectrum, measured, pack, unpack

RATE = 32_000.0


def test_a_tone_crosses():
    """Hann window: a tone in the middle of a bin has its power there, and a quarter of it in both neighbours."""
    (address,) = free_addresses(1)
    graph, context = gr.top_block(), zmq.Context()
    tone = analog.sig_source_c(RATE, analog.GR_COS_WAVE, 40 * RATE / BINS, 0.5)
    link = SpectrumLink(RATE, 1e6, address)
    graph.connect(tone, blocks.throttle(gr.sizeof_gr_complex, RATE), link)
    socket = open_socket(context, "sub", address, bind=False)
    with running(graph):
        heard = [unpack(socket.recv_multipart()) for _ in range(3)][-1]
    context.destroy(linger=0)
    assert (heard.sample_rate, heard.center_hz, len(heard.levels)) == (RATE, 1e6, BINS)
    peak = int(np.argmax(heard.levels))
    assert peak - BINS // 2 == 40
    assert heard.levels[peak] == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert heard.levels[[peak - 1, peak + 1]] == pytest.approx(heard.levels[peak] - 6.02, abs=0.1)
    assert link.published >= 3


def test_noise_has_its_power():
    """Power p over all bins: p / BINS in each, times the Hann window's noise bandwidth of 1.5 bins."""
    rng = np.random.default_rng(1)
    noise = (rng.normal(size=64 * BINS) + 1j * rng.normal(size=64 * BINS)).astype(np.complex64) / np.sqrt(2)
    levels = measured(noise, RATE).levels
    assert 10 * np.log10(np.mean(10 ** (levels / 10))) == pytest.approx(10 * np.log10(1.5 / BINS), abs=0.1)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_do_not_end_it(number):
    (address,) = free_addresses(1)
    graph, link = gr.top_block(), SpectrumLink(RATE, address=address)
    graph.connect(blocks.vector_source_c([complex(number, 0)] * 8000), link)
    graph.run()
    assert link.published == 2


good = pack(Spectrum(RATE, 0.0, np.zeros(BINS, np.float32)))


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [good[0], good[1][:-4]],
        [b"[1]", good[1]],
        [b"{}", good[1]],
        [good[0].replace(b"32000.0", b"-1"), good[1]],
        [good[0].replace(b"32000.0", b"NaN"), good[1]],
        [b"[" * 4000, good[1]],
        [good[0], np.full(BINS, np.nan, "<f4").tobytes()],
    ],
)
def test_what_is_no_spectrum_is_refused(frames):
    assert unpack(good).sample_rate == RATE
    with pytest.raises(ProtocolError):
        unpack(frames)
