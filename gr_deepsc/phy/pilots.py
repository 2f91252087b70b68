"""Whether a header's pilots speak for a burst that its chirps were taken for.

The chirps' law holds in white noise; speech has sweeps of its own and passes for chirps some twice a minute. The
header's pilots stand between them and say it again: the ratio of the likelihoods of what was received at the pilots,
if they are what the chirps announce, and if they are noise as strong as all that was received around them. In noise
its mean is 1 whatever the hypotheses (times, carriers, channels) that it is averaged over. If the pilots' expected
evidence is m nats, its logarithm is about normal, of variance 2 m around -m in noise and around m in a burst: at 0
both errors are Q(sqrt(m / 2)). The weakest burst that the chirps alone are sure of (b1 + b2 = 0.19) has m = 5.9, a
false alarm of 4 % on top of the chirps' own; it falls as bursts get stronger.
"""

import numpy as np
from scipy import ndimage, special

from .exact import scaled, square
from .frame import STRENGTH, Layout
from .synchronise import BLOCKS, DRIFTS, Correlations, Known, Sync, Window, around, late_by
from .track import Blocks, Model, Nodes, log_evidences

# Times and carriers of a path, each chirp's strongest peak being another path's: an echo 5 symbols late makes the
# detection 2.5 symbols wrong and its carrier 5 / (2 * 144) = 0.017.
ECHOES = np.arange(-12, 13) / 2, np.arange(-80, 81) * 2.5e-4
_MODELS: tuple[Model, ...] = (Blocks(), Blocks(512), *BLOCKS[::4], Blocks(32))
_AROUND = 36  # symbols: four pilots' share of the header


def pilots_speak(window: Window, known: Known, layout: Layout, grid: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the pilots are likelier than not what the chirps say.

    Args:
        known: chirps, and pilots alone among unknown symbols.
        grid: times (symbols) and carriers (cycles a symbol), as `synchronise.WIDE`.
    """
    return pilots_evidence(window, known, layout, grid) > 0


def pilots_evidence(window: Window, known: Known, layout: Layout, grid: tuple[np.ndarray, np.ndarray]) -> float:
    """Log-likelihood ratio of what was received at the pilots, given the chirps, to noise."""
    (times, cfos), (lag, middle) = around(layout, grid), late_by(layout)
    heard = Correlations(window, known, Sync(0.0, 0.0), times[-1] + lag * DRIFTS[-1])
    c, chirps = heard.at(times), known.lengths > 1
    best = Sync(times[int(np.argmax(np.sum(square(c[chirps]), 0)))], 0.0)
    n0, power = known.levels(window.at(known.places, best))
    # Each pilot's own noise, or speech would count for its loudest moment only.
    level = ndimage.uniform_filter1d(square(window.at(np.arange(known.places[-1] + 1), best)).astype(float), _AROUND)
    noise = np.maximum(level[np.round(known.nodes.places).astype(int)] - STRENGTH * power, n0)
    noise[chirps] = n0
    places, energies = known.nodes.places, known.nodes.energies / noise
    both, alone = [], []
    for drift in DRIFTS:
        turn = known.turn(cfos - middle * drift, drift)
        c = scaled(heard.at(times - lag * drift), 1 / noise[:, None])
        models, prior = ((Blocks(),), np.log(len(DRIFTS))) if drift else (_MODELS, 0.0)
        few = Nodes(places[chirps], energies[chirps])
        both.append(log_evidences(models, Nodes(places, energies), c, power, 1.0, turn).ravel() - prior)
        alone.append(log_evidences(models, few, c[chirps], power, 1.0, turn[chirps]).ravel() - prior)
    return float(special.logsumexp(np.concatenate(both)) - special.logsumexp(np.concatenate(alone)))
