"""Recordings as commands send them: each cut into utterances, which are numbered through all of them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gr_deepsc.speech import audio, recording


class Recording(NamedTuple):
    """A file, and what of it is to be sent."""

    path: str
    seq: int  # of its first utterance; the others count on
    utterances: list[np.ndarray]  # float32 [n] each; none where there is an error
    sample_rate: int  # Hz
    error: audio.AudioError | None
    warning: str | None = None  # what of it is not there, for one


def recordings(files: Iterable[str]) -> Iterator[Recording]:
    """The files, one after the other. One that cannot be read has its number, too."""
    seq = 0
    for path in files:
        said: list[str] = []
        try:
            utterances, rate = recording.read(path, said.append)
            yield Recording(path, seq, utterances, rate, None, "; ".join(said) or None)
            seq += len(utterances)
        except audio.AudioError as error:
            yield Recording(path, seq, [], 0, error)
            seq += 1
