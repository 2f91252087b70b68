"""A running flowgraph on the page: its results and spectra as they come, and speech into it."""

import asyncio
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zmq

from gr_deepsc.files import FileError
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.protocol import Message, ProtocolError
from gr_deepsc.link.sockets import LinkError, open_socket, receive_frames
from gr_deepsc.link.spectrum import Spectrum, unpack
from gr_deepsc.speech import audio

from ..errors import refused
from ..files import wav
from ..link.results import ResultReader
from ..link.sender import Sender
from ..show.report import complain
from . import words
from .events import Event, Events
from .recordings import Source, read

KEPT = 200  # results that somebody who opens the page later still sees
SPOKEN = 50  # of them with their speech
PATIENCE_S = 5.0  # with a flowgraph that is not there, where something is to be sent


class Links(NamedTuple):
    """Where a flowgraph's links listen, and the keys for them ("": none)."""

    results: str
    audio: str
    spectrum: str
    curve_key: str = ""


class Live:
    """The links of one flowgraph; `start` and `close` it in the server's event loop.

    Events: `peer` {there}; `result` {number, words, result, speech}, `speech` the name of a file or None.

    Raises:
        HostError: a bad address, or keys that are missing.
    """

    def __init__(self, links: Links, folder: Path) -> None:
        """`folder`: for speech, there already."""
        self.links, self.events = links, Events(KEPT)
        self.files = OrderedDict[str, Path]()  # of speech, by name
        self.spectrum: tuple[int, Spectrum] | None = None  # the newest, numbered
        self._folder, self._context = folder, zmq.Context()
        self._stop = threading.Event()
        self._results = ResultReader(self._context, links.results, links.curve_key)
        with refused(LinkError):
            self._spectra = open_socket(self._context, "sub", links.spectrum, False, links.curve_key)
        self._thread = threading.Thread(target=self._listen, name="live", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Let who follows go; from any thread."""
        self._stop.set()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.events.add, Event("closed", {}), True)

    def join(self) -> None:
        """Wait until nothing listens any more, and free the sockets."""
        self._thread.join()
        self._context.destroy(linger=0)

    def send(self, source: Source, user_id: int) -> dict[str, Any]:
        """Send a recording's utterances into the flowgraph; blocks, at most some seconds.

        Raises:
            HostError: nobody is there, or takes it.
            AudioError: nothing of it can be sent.
        """
        utterances, rate = read(source)
        speech = [audio.check(each, rate) for each in utterances]
        sender = Sender(self._context, self.links.audio, user_id, PATIENCE_S, self.links.curve_key)
        try:
            sender.wait_for_peer()
            sent = [sender.send(each) for each in speech]
        finally:
            sender.close()
        return {"session": sender.session, "seq": sent, "seconds": sum(map(len, speech)) / SAMPLE_RATE}

    def _listen(self) -> None:
        there: bool | None = None  # nobody has been told yet
        number = 0
        while not self._stop.is_set():
            message = self._results.read(0.1)
            if (now := self._results.peer.update()) != there:
                there = now
                self._tell("peer", there=there)
            if message is not None:
                number += 1
                self._take(number, message)
            self._look()

    def _take(self, number: int, message: Message) -> None:
        result, speech = message.result, message.speech
        try:
            name = self._keep(number, speech, result.speech_rate or SAMPLE_RATE)
        except FileError as error:  # a full disk: the text is worth more
            complain(str(error))
            name = None
        self._tell("result", number=number, words=words.told(result, ""), result=result.as_json(), speech=name)

    def _keep(self, number: int, speech: np.ndarray, rate: int) -> str | None:
        """The name of a new file of speech; the oldest goes."""
        if not len(speech):
            return None
        name = f"{number}.wav"
        wav.write(self._folder / name, speech, rate)
        self.files[name] = self._folder / name
        while len(self.files) > SPOKEN:
            self.files.popitem(last=False)[1].unlink(missing_ok=True)
        return name

    def _look(self) -> None:
        """Keep the newest spectrum."""
        while self._spectra.poll(0):
            try:
                spectrum = unpack(receive_frames(self._spectra))
            except ProtocolError as error:
                complain(f"a message that is no spectrum was dropped: {error}")
                continue
            self.spectrum = (self.spectrum[0] + 1 if self.spectrum else 0), spectrum

    def _tell(self, name: str, **data: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.events.add, Event(name, data))
