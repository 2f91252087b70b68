"""What the tests of the channel coding compare with: other decoders, another demapper, a finite-length bound."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import norm


def bpsk_llrs(words: np.ndarray, es_n0_db: float, rng: np.random.Generator) -> np.ndarray:
    """Code bits uint8 [blocks, N] over BPSK in AWGN of variance N0 / 2: LLRs float32, mean 4 Es/N0."""
    mean = 4 * 10 ** (es_n0_db / 10)
    noise = np.sqrt(2 * mean) * rng.standard_normal(words.shape)
    return ((1.0 - 2.0 * words) * mean + noise).astype(np.float32)


def gr_fec_successive_cancellation(llrs: np.ndarray, information: np.ndarray) -> np.ndarray:
    """GNU Radio's decoder, which counts code bits in bit-reversed order: float32 [blocks, N] -> uint8 [blocks, K]."""
    from gnuradio import blocks, fec, gr

    n, k = len(information), int(np.count_nonzero(information))
    reverse = np.array([int(f"{i:0{n.bit_length() - 1}b}"[::-1], 2) for i in range(n)])
    frozen = np.flatnonzero(~information).tolist()
    decoder = fec.polar_decoder_sc.make(n, k, frozen, [0] * len(frozen))
    chain = fec.extended_decoder(decoder, threading=None, ann=None, puncpat="11", integration_period=10_000)
    source = blocks.vector_source_f((-llrs[:, reverse]).ravel().tolist(), False, 1)
    sink = blocks.vector_sink_b(1)
    graph = gr.top_block()
    graph.connect(source, chain, sink)
    graph.run()
    return np.array(sink.data(), np.uint8).reshape(-1, k)


def demap_one_by_one(qam, received: np.ndarray, csi: np.ndarray, n0: float) -> np.ndarray:
    """LLRs from the distances to all points of the constellation: float64 [n * bits]."""
    labels = (np.arange(2**qam.bits)[:, None] >> np.arange(qam.bits)[::-1] & 1).astype(np.uint8)
    points = qam.modulate(labels.reshape(-1))
    distance = np.abs(received[:, None].astype(complex) - csi[:, None].astype(complex) * points) ** 2
    llrs = [
        logsumexp(-distance[:, labels[:, k] == 0] / n0, axis=1)
        - logsumexp(-distance[:, labels[:, k] == 1] / n0, axis=1)
        for k in range(qam.bits)
    ]
    return np.stack(llrs, axis=1).reshape(-1)


def normal_approximation(symbols: int, bits: int, errors: float) -> float:
    """Es/N0 in dB at which no code of `bits` in QPSK `symbols` does much better than `errors` blocks.

    Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 56(5), 2010: k = n C - sqrt(n V) Q^-1(e) + log2(n) / 2.
    """
    noise = np.linspace(-10, 10, 2001)
    weight = norm.pdf(noise) / norm.pdf(noise).sum()
    n = 2 * symbols

    def spare(es_n0_db: float) -> float:
        mean = 2 * 10 ** (es_n0_db / 10)  # LLR of a QPSK bit
        density = 1 - np.logaddexp(0, -(mean + np.sqrt(2 * mean) * noise)) / np.log(2)
        capacity = density @ weight
        dispersion = (density - capacity) ** 2 @ weight
        return n * capacity - np.sqrt(n * dispersion) * norm.isf(errors) + np.log2(n) / 2 - bits

    return brentq(spare, -25, 20)
