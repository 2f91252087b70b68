"""Speech that is read while somebody speaks: of the utterance so far, the words that are new and will stay.

The sender has all of the utterance so far and reads it again each time, so that each word is read with what stands
before it, and with something behind it. CTC says when each word was spoken: those that end long enough ago are settled,
and a piece ends behind the last of them, never in a word. Its stop is kept back: whether a sentence ends there the next
words tell.
"""

import threading
from typing import NamedTuple

import numpy as np

from ..framing import HOP, SAMPLE_RATE
from ..reader import CTC
from ..reader.check import hold
from ..reader.said import SILENCE, Said, joined, words
from ..reader.whisper import Read
from ..speech.segment import FRAME_S, level_db
from .encode import Encoded, Encoder
from .rates import PAPER

# Seconds after a word's end from when on it is read as it will be in the end, and the same if its reader is not sure of
# it. With 0.5 for both "used" was sent as "used ed" (bench/results.md).
SETTLED_S, DOUBTFUL_S = 1.0, 2.5
# Nor has anything to settle in a pause: so long, and so much softer than the loudest twentieth of the utterance.
PAUSE_S, PAUSE_DB = 0.2, 25.0
SURE = 0.8  # probability of being right from which on a word is in no doubt
LONGEST_S = 8.0  # that is read again; of more only the last `CONTEXT_S` before the first new word
CONTEXT_S = 4.0
SAME_S = 0.15  # so much more of a pause changes nothing: it is not read again
STOPS = ".,?!:-'"
MOST = 64  # utterances that may go on at once
_FRAME_S = HOP / SAMPLE_RATE


class Words(NamedTuple):
    """What was read, in words with their places."""

    samples: int  # of the utterance, when it was read
    features: np.ndarray  # float32 [frames, 29], of what was read
    said: list[Said]
    first: np.ndarray  # int [words], the utterance's frame in which each begins ...
    last: np.ndarray  # ... and that behind its end


class Piece(NamedTuple):
    """What is to be sent now."""

    part: int | None  # which piece it is, 0, 1, ...; None where all of the utterance is in it
    encoded: Encoded


class _Utterance:
    """What has been sent of it."""

    def __init__(self, rate: str) -> None:
        self.rate = rate  # it ends at the rate at which it began
        self.parts = 0
        self.samples = 0
        self.sent = 0  # the frame up to which words were sent
        self.start = 0  # the frame from which on it is read
        self.read: Words | None = None


class Live:
    """Pieces of utterances, one after the other of each, in any number of sessions and threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._open: dict[tuple, _Utterance] = {}
        self._lock = threading.Lock()

    def __call__(self, whose: tuple, waveform: np.ndarray, last: bool) -> Piece | None:
        """What is new of an utterance.

        Args:
            whose: by which it is told from others.
            waveform: all of it so far, float32 [samples] at 16 kHz, as `speech.audio.check` leaves it.
            last: it has ended.

        Returns:
            None where nothing is to be sent yet: always, where the rate is the paper's, which has no words.

        Raises:
            ValueError: more is new than fits into a burst.
        """
        with self._lock:
            utterance = self._open.pop(whose, None)
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
        if utterance is None or len(waveform) < utterance.samples - HOP:  # or its sender began anew
            utterance = _Utterance(self._encoder.rate)
        if last and not utterance.parts:
            return Piece(None, self._encoder(waveform))
        if utterance.rate == PAPER:
            self._open[whose] = utterance
            return None
        utterance.samples = len(waveform)
        read = self._read(utterance, waveform)
        said = self._new(utterance, read, waveform, last)
        if not last:
            self._open[whose] = utterance
            if not said.text:
                return None
        utterance.parts += 1
        encoded = self._encoder.coded(said, read.features, int(utterance.rate), bursts=1)
        return Piece(utterance.parts - 1, encoded)

    def _new(self, utterance: _Utterance, read: Words, waveform: np.ndarray, last: bool) -> Said:
        """The words to be sent now."""
        new = int(np.searchsorted((read.first + read.last) / 2, utterance.sent))
        end = len(read.said)
        if not last:
            settled_s = 0.0 if _paused(waveform) else SETTLED_S
            wait = np.where(words(joined(read.said)) >= SURE, settled_s, DOUBTFUL_S) / _FRAME_S
            end = new + int(np.argmax([*(read.last + wait > len(waveform) / HOP)[new:], True]))
            end = min(end, len(read.said) - 1)  # the last piece has a word: no stop by itself can be decoded
            while end > new and any(map(str.isdigit, read.said[end - 1].text)):  # 19 may become 1984
                end -= 1
        before = [_stop(read.said[new - 1])] if utterance.parts and new else []
        if end <= new:
            return SILENCE
        sent = read.said[new:end]
        if not last:
            sent[-1] = _without_stop(sent[-1])
            utterance.sent = int(read.last[end - 1])
            if utterance.sent - utterance.start > LONGEST_S / _FRAME_S:
                known = read.first[:end][read.first[:end] <= utterance.sent - CONTEXT_S / _FRAME_S]
                utterance.start = int(known[-1]) if len(known) else utterance.start
        if self._encoder.reader != CTC and not utterance.parts:  # the reader may have heard too little for a sentence
            sent[0] = sent[0]._replace(text=sent[0].text[0].upper() + sent[0].text[1:])
        return joined([*before, *sent])

    def _read(self, utterance: _Utterance, waveform: np.ndarray) -> Words:
        known, start = utterance.read, utterance.start
        if known is not None and len(waveform) - known.samples <= SAME_S * SAMPLE_RATE and _paused(waveform):
            return known
        window = waveform[start * HOP :]
        features = self._encoder.framewise.features(window)
        said = self._encoder.spell(window, features)
        found = _words(said)
        held = hold(Read([word.text for word in found], np.zeros(len(found))), features)
        if held is None:  # more letters than frames: nothing is known of their places
            places = np.linspace(0, len(features), len(found) + 1).round().astype(int)
            first, behind = places[:-1], places[1:]
        else:
            first, behind = held.first, held.last
        utterance.read = Words(len(waveform), features, found, start + first, start + behind)
        return utterance.read


def _paused(waveform: np.ndarray) -> bool:
    """Whether nobody speaks at the end of float32 [samples]."""
    frame = round(FRAME_S * SAMPLE_RATE)
    levels = np.array([level_db(each) for each in waveform[: len(waveform) // frame * frame].reshape(-1, frame)])
    return bool(levels[-round(PAUSE_S / FRAME_S) :].max(initial=-120) < np.percentile(levels, 95) - PAUSE_DB)


def _words(said: Said) -> list[Said]:
    """Each word by itself."""
    found, start = [], 0
    for text in said.text.split():
        start = said.text.index(text, start)
        found.append(Said(text, said.sure[start : start + len(text)]))
        start += len(text)
    return found


def _without_stop(word: Said) -> Said:
    text = word.text.rstrip(STOPS) or word.text
    return Said(text, word.sure[: len(text)])


def _stop(word: Said) -> Said:
    """The stop behind a word, a sure one."""
    stop = word.text[len(_without_stop(word).text) :]
    return Said(stop, np.ones(len(stop), np.float32))
