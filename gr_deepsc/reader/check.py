"""What Whisper's decoder wrote, held against what CTC heard.

The decoder knows English and invents it where there is none; CTC knows only sounds, and says nothing where there are
no letters. CTC's likeliest path through the decoder's words tells for each of them what it costs to agree; that, and
how sure the decoder was, make the probability that the word is right. A sentence that nobody said is left out, and one
that only CTC heard put in, which is never sure.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ..ctc.align import align, labels
from ..ctc.confidence import DOUBTFUL
from ..ctc.greedy import greedy, logarithms
from ..ctc.spikes import certainty
from ..english import plain
from ..text import encode
from .said import SILENCE, Said, joined, word, words
from .whisper import Read

# ln(p / (1 - p)) that a word is right, per: 1, ln of its probability to the decoder, the agreement of CTC (<= 0, a
# letter's), and the means of both over it and `AROUND` words before it, or behind it where they are better: so that a
# sentence is not doubted for what stands beside it (python -m deepsc_export sureness; the third is as it was for the
# original's readings, 0.254 for the shipped one's: it holds a word back that was made up right behind speech).
WEIGHTS = np.array([4.389, 1.837, 0.478, 2.605, 1.639])
AROUND = 8
LEAST_LOG_P, LEAST_AGREEMENT = -5.0, -8.0  # less says no more
# Of doubtful words in a row nobody said any, if so many of them, or all of a text, are less sure than this.
INVENTED, SO_MANY = 0.1, 3
# Mean sureness below which so many words and more are no English, and nothing is sent: German, French and Spanish in
# pieces of 12 s (espeak-ng, 10 pieces) have 0.27 to 0.36; of some 60 recordings of LibriSpeech the least has 0.37, of
# kathleen 0.70, and of 30 by people who are not native (speechocean762) one has less.
FOREIGN, SO_LONG = 0.37, 8
# Letters in a row of which the decoder wrote nothing, from which on they are sent as CTC heard them ...
MISSED = 8
CTC_ALONE = 0.5  # ... and what a sureness of CTC counts where the decoder heard otherwise or nothing


class Held(NamedTuple):
    """A text's words, held against the features."""

    first: np.ndarray  # int [words], the frame of its first letter ...
    last: np.ndarray  # ... and the one behind its last
    evidence: np.ndarray  # float64 [words, 5], what `WEIGHTS` weigh

    @property
    def sure(self) -> np.ndarray:
        """The probability that each word is right: float64 [words]."""
        return expit(self.evidence @ WEIGHTS)


def check(read: Read, features: np.ndarray) -> Said:
    """What is to be sent of an utterance.

    Args:
        read: what the decoder wrote.
        features: P, float32 [frames, 29].
    """
    held = hold(read, features)
    if held is None:  # more letters than frames
        return _heard(features)
    sure = held.sure
    parts, behind = [], 0
    for k in np.flatnonzero(~_invented(sure)):
        parts.append(_missed(features[behind : held.first[k]]))
        parts.append(word(read.words[k], sure[k]))
        behind = held.last[k]
    said = joined([*parts, _missed(features[behind:])])
    rights = words(said)
    return SILENCE if len(rights) >= SO_LONG and rights.mean() < FOREIGN else said


def hold(read: Read, features: np.ndarray) -> Held | None:
    """The words of `read` beside P, float32 [frames, 29]; None where there are too few frames for them."""
    spelt = list(map(plain, read.words))
    tokens, log_probs = encode(" ".join(filter(None, spelt))), logarithms(features)
    path = align(log_probs, tokens)
    if path is None:
        return None
    letters = np.array(list(map(len, spelt)), int)
    ends = np.cumsum(letters + (letters > 0))  # place of the character behind a word's space
    starts = ends - letters - (letters > 0)
    spans = [_span(features, path, tokens, *place) for place in zip(starts, letters, strict=True)]
    first, last = np.array(spans, int).reshape(-1, 2).T
    cost = log_probs[np.arange(len(path)), labels(tokens)[path]] - log_probs.max(1)
    so_far = np.concatenate(([0.0], np.cumsum(cost, dtype=np.float64)))
    agreement = np.maximum(so_far[last] - so_far[first], LEAST_AGREEMENT * letters)
    log_p = np.maximum(read.log_probs, LEAST_LOG_P)
    evidence = np.ones((len(letters), len(WEIGHTS)))
    evidence[:, 1], evidence[:, 2] = log_p, agreement / np.maximum(letters, 1)
    for k in range(len(letters)):
        sides = slice(max(0, k - AROUND), k + 1), slice(k, k + AROUND + 1)
        means = [(log_p[side].mean(), agreement[side].sum() / max(letters[side].sum(), 1)) for side in sides]
        evidence[k, 3:] = max(means, key=lambda mean: WEIGHTS[3:] @ mean)
    return Held(first, last, evidence)


def _span(features: np.ndarray, path: np.ndarray, tokens: list[int], start: int, letters: int) -> tuple[int, int]:
    """The frames of a word: between the peaks of its outer letters, to which CTC's path gives what nobody wrote."""
    if letters == 0:
        return (frame := int(np.searchsorted(path, 2 * start + 1))), frame
    peaks = []
    for place in (start, start + letters - 1):
        low, high = np.searchsorted(path, (2 * place + 1, 2 * place + 2))
        share = features[low:high, tokens[place]]
        peaks.append(low + np.flatnonzero(share >= share.max() / 2))
    first, last = int(peaks[0][-1]), int(peaks[1][0])
    while last + 1 in peaks[1]:  # the same peak's
        last += 1
    return min(first, last), last + 1


def _invented(sure: np.ndarray) -> np.ndarray:
    """Which words stand among so many doubtful ones that nobody said them: bool [words]."""
    doubtful = np.concatenate(([False], sure < DOUBTFUL, [False]))
    edges = np.flatnonzero(doubtful[1:] != doubtful[:-1])
    found = np.zeros(len(sure), bool)
    for start, stop in edges.reshape(-1, 2):
        found[start:stop] = np.sum(sure[start:stop] < INVENTED) >= min(SO_MANY, len(sure))
    return found


def _missed(features: np.ndarray) -> Said:
    """What CTC heard where the decoder wrote nothing that could stay, if that is more than the edge of a word."""
    heard = _heard(features)
    return heard if len(heard.text.replace(" ", "")) >= MISSED else SILENCE


def _heard(features: np.ndarray) -> Said:
    """CTC's own reading."""
    text, _ = greedy(logarithms(features))
    each, parts, start = certainty(features, text), [], 0
    for heard in text.split():
        parts.append(word(heard, CTC_ALONE * each[start : start + len(heard)].mean()))
        start += len(heard) + 1
    return joined(parts)
