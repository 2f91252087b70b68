"""Whether a header's pilots speak for a burst that its chirps were taken for.

The chirps' law holds in white noise; speech has sweeps of its own and passes for chirps some twice a minute. The
header's pilots stand between them and say it again: the ratio of the likelihoods of what was received at the pilots,
if they are what the chirps announce, and if they are noise as strong as all that was received around them. In noise
its mean is 1 whatever the hypotheses (times, carriers, channels) that it is averaged over. If the pilots' expected
evidence is m nats, its logarithm is about normal, of variance 2 m around -m in noise and around m in a burst: at 0
both errors are Q(sqrt(m / 2)). The weakest burst that the chirps alone are sure of (b1 + b2 = 0.19) has m = 5.9, a
false alarm of 4 % on top of the chirps' own; it falls as bursts get stronger.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage, special

from .exact import scaled, square
from .frame import Layout
from .synchronise import BLOCKS, DRIFTS, ECHO_CFOS, Correlations, Known, Sync, Window, around, late_by
from .track import Blocks, Model, Nodes, log_evidences

# Times and carriers of a path, each chirp's strongest peak being another path's.
ECHOES = np.arange(-12, 13) / 2, ECHO_CFOS
_MODELS: tuple[Model, ...] = (Blocks(), Blocks(512), *BLOCKS[::4], Blocks(32))
LEAST = np.log(20)  # nats, wherever: noise has them once in 20 times at most (Markov's inequality)
# Above it are bursts through fading echoes at 0 dB that can be read; of speech, one place in five.
HOPELESS = -2.0
_AROUND = 36  # symbols: four pilots' share of the header


class Evidence(NamedTuple):
    """Log-likelihood ratios to noise of what was received at a header's pilots, nats.

    `announced` is given the chirps, which say where and how strong; `anywhere` is wherever in the grid: where there
    are echoes, each chirp's strongest peak may be another path's, and neither is to be believed.
    """

    announced: float
    anywhere: float

    @property
    def speaks(self) -> bool:
        """A burst, whether its header can be read or not."""
        return self.announced > 0 or self.anywhere > LEAST

    @property
    def hopeless(self) -> bool:
        """Not worth a header's decoding."""
        return self.announced < 0 and self.anywhere < HOPELESS


def pilots_evidence(window: Window, known: Known, layout: Layout, grid: tuple[np.ndarray, np.ndarray]) -> Evidence:
    """Of a header's pilots.

    Args:
        known: chirps, and pilots alone among unknown symbols.
        grid: times (symbols) and carriers (cycles a symbol), as `synchronise.WIDE`.
    """
    (times, cfos), (lag, middle) = around(layout, grid), late_by(layout)
    heard = Correlations(window, known, Sync(0.0, 0.0), times[-1] + lag * DRIFTS[-1])
    c, chirps = heard.at(times), known.lengths > 1
    best = Sync(times[int(np.argmax(np.sum(square(c[chirps]), 0)))], 0.0)
    n0, power = known.levels(window.at(known.places, best))
    # Each pilot's own noise, or speech would count for its loudest moment only.
    level = ndimage.uniform_filter1d(square(window.at(np.arange(known.places[-1] + 1), best)).astype(float), _AROUND)
    noise = np.maximum(level[np.round(known.nodes.places).astype(int)], n0)
    noise[chirps] = n0
    places, energies = known.nodes.places, known.nodes.energies / noise
    both: list[np.ndarray] = []
    alone: list[np.ndarray] = []
    free: list[np.ndarray] = []
    for drift in DRIFTS:
        turn = known.turn(cfos - middle * drift, drift)
        c = scaled(heard.at(times - lag * drift), 1 / noise[:, None])
        models, prior = ((Blocks(),), np.log(len(DRIFTS))) if drift else (_MODELS, 0.0)
        both.append(log_evidences(models, Nodes(places, energies), c, power, 1.0, turn).ravel() - prior)
        for which, into in ((chirps, alone), (~chirps, free)):
            nodes = Nodes(places[which], energies[which])
            into.append(log_evidences(models, nodes, c[which], power, 1.0, turn[which]).ravel() - prior)
    announced = special.logsumexp(np.concatenate(both)) - special.logsumexp(np.concatenate(alone))
    wherever = np.concatenate(free)
    return Evidence(float(announced), float(special.logsumexp(wherever) - np.log(len(wherever))))
