"""Fit what `gr_deepsc.reader.check` makes of two ears' evidence: the probability that a word was said.

Clean speech of the validation splits has too few wrong words to learn from. It is heard again in pink noise, and
backwards: a language that neither ear knows, of which no word is right.
"""

import argparse
from collections.abc import Iterable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.reader.check import hold
from gr_deepsc.reader.whisper import SHIPPED, Read, Reader

from .calibrate import area, calibration_error, right
from .data.audio import splits

SNR_DB = (-6.0, 9.0)
LONGEST = 160_000  # samples of what is heard again
SMALL = 1e-4  # of the weights' squares, that they stay finite
Heard = tuple[np.ndarray, np.ndarray]  # evidence float64 [words, 5], and which words are right


def words_right(read: Read, truth: str) -> np.ndarray:
    """Which written words say what stands in the plain `truth`: bool [words]."""
    return right(truth, read.text)


def evidence(read: Read, features: np.ndarray, truth: str) -> Heard | None:
    """Of one utterance's words; None where there are none, or more letters than frames."""
    held = hold(read, features)
    return (held.evidence, words_right(read, truth)) if held and read.words else None


def fit(heard: Iterable[Heard | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The likeliest weights float64 [5]; and the evidence and truth that they were found from."""
    found = [each for each in heard if each is not None]
    weighed, truth = (np.concatenate(parts) for parts in zip(*found, strict=True))
    sign = 2.0 * truth - 1

    def surprise(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (weighed @ weights)).mean() + SMALL * (weights**2).sum())

    return minimize(surprise, np.zeros(weighed.shape[1])).x, weighed, truth


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power, 3 dB less an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)).clip(1)), samples)
    return noise / noise.std()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `sureness`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--reader", default=str(SHIPPED), help="folder of its two files")


def run(args: argparse.Namespace) -> None:
    """Prints the weights, and how good they are on the validation splits."""
    (speech,) = splits(args.corpora, "valid")
    reader, recogniser, rng = Reader(args.reader), FramewiseEncoder("default"), np.random.default_rng(16)

    def hear(waveform: np.ndarray, truth: str) -> Heard | None:
        return evidence(reader(waveform), recogniser.features(waveform), truth)

    clean, again = [], []
    for k, utterance in enumerate(tqdm(speech.utterances, disable=None)):
        waveform = speech[k]
        clean.append(hear(waveform, utterance.text))
        if len(waveform) > LONGEST:
            continue
        if k % 2:
            again.append(hear(np.ascontiguousarray(waveform[::-1]), ""))
        else:
            level = waveform.std() * 10 ** (-rng.uniform(*SNR_DB) / 20)
            noisy = waveform + level * pink(len(waveform), rng)
            again.append(hear((noisy / max(1, np.abs(noisy).max())).astype(np.float32), utterance.text))
    report(clean, again)


def report(clean: list[Heard | None], again: list[Heard | None]) -> None:
    """Fits both together and prints what that gives for the clean ones."""
    weights, _, _ = fit(clean + again)
    _, weighed, truth = fit(clean)
    sure = expit(weighed @ weights)
    print(f"WEIGHTS = np.array([{', '.join(f'{weight:.3f}' for weight in weights)}])")
    high = sure >= 0.9
    print(f"{len(truth)} clean words, {truth.mean():.4f} right; area under ROC {area(sure, truth):.3f}")
    print(f"calibration error {calibration_error(sure, truth):.4f}; from 0.9 on {high.mean():.3f}, of which right "
          f"{truth[high].mean():.4f}; right ones below 0.5 {np.mean(sure[truth] < 0.5):.4f}")  # fmt: skip
