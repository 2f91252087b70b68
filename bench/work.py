"""What a worker does: one utterance through one system, over the points of the channel that are asked for."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gr_deepsc.voice.synthesizer import DEFAULT_USER, Synthesizer

from .corpus import number
from .metrics import judge, speech, text
from .references import REFERENCES
from .store import Item
from .system import Air, Heard, Recording, System
from .systems import SYSTEMS, recogniser


class Point(NamedTuple):
    """An operating point of the channel; `kind` is one of `gr_deepsc.phy.channel.KINDS`."""

    kind: str
    es_n0_db: float


@dataclass(frozen=True)
class Job:
    """One utterance through one system: sent once, received at every point; `measure` names what is noted."""

    system: str
    utterance: Recording
    points: tuple[Point, ...]
    measure: str
    seed: int


def do(job: Job) -> tuple[Item, list[Item]]:
    """What sending gave (symbols, overhead, samples; the system's label), and what each point gave.

    CPU seconds of sending are without those of reading, which all share: they are the reference `read`'s.
    """
    chain, measure = system(job.system), MEASURES[job.measure]
    if job.system in SYSTEMS:
        recogniser.said(job.utterance.samples)
    start = time.process_time()
    sent = chain.send(job.utterance)
    took = time.process_time() - start
    counts = {"symbols": len(sent.symbols), "overhead": sent.overhead, "samples": len(job.utterance.samples)}
    sending, items = Item(counts | {"label": chain.label}, took), []
    for point in job.points:
        start = time.process_time()
        heard = chain.receive(sent, Air(*point, job.seed, number(job.utterance)))
        took = time.process_time() - start
        items.append(Item(measure(job.utterance, heard), took))
    return sending, items


@lru_cache(None)
def system(name: str) -> System:
    """A system by its name, loaded once a process."""
    return (SYSTEMS | REFERENCES)[name]()


def _text(utterance: Recording, heard: Heard) -> dict:
    """Edits of the received text."""
    return {
        "text": heard.text,
        "characters": text.characters(utterance.text, heard.text),
        "words": text.words(utterance.text, heard.text),
        "frame_errors": heard.frame_errors,
    }


def _speech(utterance: Recording, heard: Heard) -> dict:
    """Features of the received speech."""
    return {"features": speech.pack(speech.features(received_speech(utterance, heard)))}


def _judge(utterance: Recording, heard: Heard) -> dict:
    """Edits of what an independent recogniser hears in the received speech."""
    found = judge.text(received_speech(utterance, heard))
    return _text(utterance, Heard(found, None, heard.frame_errors))


def _sound(utterance: Recording, heard: Heard) -> dict:
    """The received speech itself, 16 bits, beside the edits of its text."""
    samples = np.clip(np.rint(32767 * received_speech(utterance, heard)), -32767, 32767).astype("<i2")
    return _text(utterance, heard) | {"speech": speech.pack(samples)}


MEASURES = {"text": _text, "speech": _speech, "judge": _judge, "sound": _sound}


def received_speech(utterance: Recording, heard: Heard) -> np.ndarray:
    """float32 at 16 kHz: as decoded, or the text in its speaker's voice; silence for want of either."""
    if heard.speech is not None and len(heard.speech):
        return heard.speech
    synthesizer, corpus = _synthesizer(), utterance.key.partition("/")[0].lower()
    voices = {user.name.lower(): user_id for user_id, user in synthesizer.users.items()}
    user_id = next((i for name, i in voices.items() if corpus.startswith(name)), DEFAULT_USER)
    spoken = synthesizer(heard.text, user_id)
    return spoken if len(spoken) else np.zeros_like(utterance.samples)


@lru_cache(1)
def _synthesizer() -> Synthesizer:
    return Synthesizer()
