"""What happens in one run: a recording through `Simulation`, and all that there is to see of it on the way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gr_deepsc.chain import Sent
from gr_deepsc.framing import SAMPLE_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.phy.burst import Burst
from gr_deepsc.phy.utterance import Reception, lengths
from gr_deepsc.result import Result
from gr_deepsc.simulation import Simulation, whole
from gr_deepsc.speech import audio
from gr_deepsc.voice.speaker import Speaker

from ..errors import loading
from ..files.transcripts import error_rates
from . import files, views, words
from .recordings import Source, read
from .wish import Wish

Tell = Callable[..., None]  # name of an event, and its data; raises where the run is to end


class Stages:
    """One run.

    Args:
        tell: told what is ready: loading, utterance, encoded, received, text, voice, burst, done.
        folder: for files.
    """

    def __init__(self, wish: Wish, source: Source, folder: Path, tell: Tell, voices: str = "") -> None:
        self._wish, self._source, self._folder, self._tell, self._voices = wish, source, folder, tell, voices
        self.files: dict[str, Path] = {}  # what can be downloaded, by name
        self._seen: list[Any] = []  # of the utterance that is on its way

    def __call__(self) -> None:
        """Run it.

        Raises:
            AudioError, HostError: nothing can be done with this recording, or with these models.
        """
        wish, tell = self._wish, self._tell
        tell("loading")
        utterances, rate = read(self._source)
        with loading("the voices"):
            speaker = Speaker(self._voices) if wish.details else None
        with loading(f"the model {wish.setting.model}"):
            simulation = Simulation(wish.setting, speaker, self._watch)
        reference = wish.reference or self._source.text
        whole_truth = reference if len(utterances) == 1 else ""  # nobody knows which words are in which utterance
        heard, originals, air = [], [], []
        for k, samples in enumerate(utterances):
            tell("utterance", k=k, of=len(utterances))
            self._seen = []
            result = simulation.transmit(samples, rate, k, wish.user_id)
            tell("text", k=k, words=words.told(result, whole_truth), result=_shown(result, whole_truth))
            each = simulation.speak(result, wish.user_id)
            heard.append(each)
            if wish.details:
                originals.append(_original(samples, rate))
                self._voice(k, originals[-1], each.speech)
                air.append(self._radio(k))
        both = whole(heard, wish.setting)
        result = replace(_judged(both.result, reference), file=self._source.name)
        if wish.details:
            self._write(originals, both.speech, [each for each in air if each], result, reference)
        tell("done", words=words.told(result, reference), result=_shown(result, reference), files=list(self.files))

    def _watch(self, event: Any) -> None:
        self._seen.append(event)
        self._tell("encoded" if isinstance(event, Sent) else "received")

    def _voice(self, k: int, original: np.ndarray, speech: np.ndarray) -> None:
        """Files and spectrograms of an utterance; of the original alone where nothing is spoken."""
        names = {"original": original} | ({"received": speech} if len(speech) else {})
        for name, samples in names.items():
            files.write_speech(self._named(f"{name}-{k + 1}.wav"), [samples])
        pictures = views.speech(original, speech, SAMPLE_RATE) if len(speech) else None
        self._tell("voice", k=k, files={name: f"{name}-{k + 1}.wav" for name in names}, pictures=pictures)

    def _radio(self, k: int) -> files.Air | None:
        """Pictures of an utterance's bursts; None where there was no burst."""
        sent = next((event for event in self._seen if isinstance(event, Sent)), None)
        if sent is None:
            return None
        samples = np.concatenate(sent.bursts)
        bursts = [b for event in self._seen if isinstance(event, Reception) for b in event.bursts]
        symbol_rate = self._wish.setting.symbol_rate
        for burst, symbols in _with_sent(bursts, sent):
            points = None if symbols is None else views.constellation(samples, burst, symbols)
            self._tell("burst", k=k, waterfall=views.waterfall(samples, burst, symbol_rate), constellation=points)
        if not bursts:
            self._tell("burst", k=k, waterfall=views.waterfall(samples, None, symbol_rate), constellation=None)
        return files.Air(samples, bursts)

    def _write(
        self, originals: list[np.ndarray], speech: np.ndarray, air: list[files.Air], result: Result, reference: str
    ) -> None:
        files.write_speech(self._named("original.wav"), originals)
        if len(speech):
            files.write_speech(self._named("received.wav"), [speech])
        if air:
            path = files.write_signal(self._folder, air, self._wish.profile, self._wish.setting.symbol_rate, reference)
            self.files[path.name] = path
        files.write_result(self._named("result.json"), result)

    def _named(self, name: str) -> Path:
        """The path of a file that can be downloaded by this name."""
        return self.files.setdefault(name, self._folder / name)


class StoppedError(Exception):
    """Somebody stopped the run."""


def _with_sent(bursts: list[Burst], sent: Sent) -> Iterator[tuple[Burst, np.ndarray | None]]:
    """Each burst with the symbols that were sent in it, if it is one of ours."""
    frames = lengths(len(sent.encoded.symbols) // SYMBOLS_PER_FRAME)
    parts = np.split(sent.encoded.symbols, SYMBOLS_PER_FRAME * np.cumsum(frames)[:-1])
    for burst in bursts:
        symbols = parts[burst.header.part] if burst.header.part < len(parts) else burst.symbols[:0]
        yield burst, symbols if len(symbols) == len(burst.symbols) else None


def _original(samples: np.ndarray, rate: int) -> np.ndarray:
    """What is heard of an utterance that is sent; nothing of one that cannot be."""
    try:
        return audio.check(samples, rate)
    except audio.AudioError:
        return np.zeros(SAMPLE_RATE // 10, np.float32)


def _judged(result: Result, reference: str) -> Result:
    if not reference:
        return result
    return replace(result, reference=reference, cer=error_rates(result, reference).get("cer"))


def _shown(result: Result, reference: str) -> dict[str, Any]:
    return result.as_json() | error_rates(result, reference)
