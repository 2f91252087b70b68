"""A simulated transmission of one utterance after the other: the whole chain, and a channel that is told what to do."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .chain import GAP_S, Ideal, Receiver, Sent, Transmitter, own
from .codec import rates
from .codec.decode import Decoder
from .codec.encode import Encoder
from .ctc import DECODERS
from .ctc.confidence import UNRELIABLE
from .joined import joined
from .phy.air import Air, Path
from .phy.burst import Lost
from .phy.framer import AUTO as SUITING
from .phy.framer import Framer
from .phy.pulse import SAMPLES_PER_SYMBOL
from .phy.utterance import Reception
from .radio.profiles import DEFAULT, PROFILES
from .reader import AUTO
from .result import Result
from .speech import audio
from .voice.speaker import Speaker

CSI = ("estimated", "ideal")
LONGEST_SILENCE = 1 << 18  # samples: more would only cost memory
SILENT = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Setting:
    """What a simulated transmission is told."""

    model: str = "default"  # name of a shipped model, or a folder
    rate: str = rates.DEFAULT  # one of `rates.CHOICES`
    target_snr_db: float = rates.TARGET_DB  # for the rate "auto"
    preamble: str = SUITING  # one of `phy.framer.CHOICES`
    decoder: str = DECODERS[0]  # one of `ctc.DECODERS`
    reader: str = AUTO  # one of `reader.READERS`
    channel: str = "awgn"  # one of `phy.channel.KINDS`
    es_n0_db: float = 20.0  # of a complex symbol of the payload
    rician_k: float = 1.0  # power of the direct path over that of the scattered ones
    seed: int = 0  # of the channel; its noise follows from it and the utterance's number
    csi: str = CSI[0]  # one of `CSI`: the whole modem, or symbol by symbol with h and N0 told to the receiver
    cfo_hz: float = 0.0
    clock_ppm: float = 0.0
    delay_samples: float = 0.0  # 4 a symbol
    symbol_rate: float = PROFILES[DEFAULT].symbol_rate  # on the air, symbols a second
    drift_hz_s: float = 0.0  # of the carrier, from `cfo_hz` on

    def path(self) -> Path:
        """The radio path.

        Raises:
            ValueError: there is no such path; says which parameter and what is allowed.
        """
        cfo, drift = self.cfo_hz / self.symbol_rate, self.drift_hz_s / self.symbol_rate**2
        offsets = (cfo, self.clock_ppm, self.delay_samples)
        air = Air(self.channel, self.es_n0_db, *offsets, self.rician_k, drift=drift)
        return Path(air, self.seed)

    @property
    def silence(self) -> int:
        """Samples before and behind each burst."""
        return min(max(1, round(GAP_S * SAMPLES_PER_SYMBOL * self.symbol_rate)), LONGEST_SILENCE)

    def known(self) -> dict[str, Any]:
        """The keys of a `Result` that are not the receiver's to tell."""
        told = None if self.channel == "none" else self.es_n0_db
        about = {"model": self.model, "csi": self.csi, "channel": self.channel, "seed": self.seed}
        return about | {"es_n0_db_set": told}


class Heard(NamedTuple):
    """What came out of a transmission."""

    result: Result
    speech: np.ndarray  # float32 [n] at 16 kHz, empty without a `Speaker`


class Simulation:
    """The chain in this process, without GNU Radio.

    >>> setting = Setting(channel="rayleigh", es_n0_db=12)
    >>> heard = Simulation(setting)(*audio.read("tests/samples/LJ002-0045.flac"))
    >>> heard.result.text.split()[2:5], heard.result.es_n0_db_set
    (['wards', 'were', 'all'], 12)
    """

    def __init__(
        self,
        setting: Setting,
        speaker: Speaker | None = None,
        watch: Callable[[Sent | Reception | Lost], object] | None = None,
    ) -> None:
        """Load the models.

        Args:
            speaker: speaks what is received, where it is wanted.
            watch: is shown each utterance's bursts behind the channel, then what the receiver found in them, before
                it is decoded. What it raises ends the call. With ideal CSI there is nothing to see.

        Raises:
            ValueError: no such rate, reader, decoder, channel or CSI. Further errors as of `Encoder` and `Decoder`.
        """
        if setting.csi not in CSI:
            raise ValueError(f"CSI {setting.csi!r} is none of {', '.join(CSI)}")
        self._setting, self._speaker, self._watch = setting, speaker, watch
        self._encoder = Encoder(setting.model, setting.rate, setting.target_snr_db, reader=setting.reader)
        self._decoder = Decoder(setting.model, decoder=setting.decoder)
        self._transmitter = Transmitter(
            self._encoder, Framer(silence=setting.silence, preamble=setting.preamble), setting.path()
        )

    def __call__(self, samples: np.ndarray, sample_rate: float, seq: int = 0, user_id: int = 0) -> Heard:
        """Send a recording as the utterance `seq`; failures are results.

        `samples`: real [n] or [n, channels], at `sample_rate` Hz. Seed and `seq` select the channel's realisation.
        """
        return self.speak(self.transmit(samples, sample_rate, seq, user_id), user_id)

    def transmit(self, samples: np.ndarray, sample_rate: float, seq: int = 0, user_id: int = 0) -> Result:
        """The same without the voice."""
        start = time.perf_counter()
        try:
            result = self._send(audio.check(samples, sample_rate), seq, user_id)
        except audio.AudioError as error:
            result = Result(lost=True).failed(error.error_type, str(error))
        seconds, wall_s = len(samples) / sample_rate, time.perf_counter() - start
        return finished(result, self._setting, seq, user_id, seconds, wall_s)

    def speak(self, result: Result, user_id: int = 0) -> Heard:
        """A result with its voice, if there is a `speaker` and a text to rely on."""
        if self._speaker is None or result.lost or result.error_type == UNRELIABLE:
            return Heard(result, SILENT)
        spoken = self._speaker(result.text, user_id)
        known: dict[str, Any] = {"voice": spoken.voice, "synthesis_s": spoken.synthesis_s, "warning": spoken.warning}
        seconds = len(spoken.speech) / self._speaker.synthesizer.sample_rate
        return Heard(replace(result, **known, speech_s=round(seconds, 3)), spoken.speech)

    def _send(self, waveform: np.ndarray, seq: int, user_id: int) -> Result:
        setting = self._setting
        if setting.csi == "ideal":
            ideal = Ideal(setting.channel, setting.es_n0_db, setting.rician_k, setting.seed)
            return ideal(self._encoder(waveform), self._decoder, seq)
        sent = self._transmitter(waveform, user_id, seq)
        if self._watch:
            self._watch(sent)
        return own(Receiver(self._decoder, setting.symbol_rate, self._watch).hear(sent.bursts), seq, user_id)


def finished(
    result: Result, setting: Setting, seq: int, user_id: int, seconds: float = 0.0, wall_s: float = 0.0
) -> Result:
    """A receiver's result of a recording of `seconds`, with what only the sender's side knows of it."""
    known: dict[str, Any] = {"seq": seq, "user_id": user_id, "seconds": round(seconds, 3)}
    known["rtf"] = round(wall_s / seconds, 5) if seconds else None
    if seconds and result.n_symbols:
        known["symbols_per_second"] = round(result.n_symbols / seconds, 2)
    return replace(result, **known | setting.known()).in_radio_units()


def whole(heard: Sequence[Heard], setting: Setting) -> Heard:
    """What was heard of the utterances of one recording, at least one, as what was heard of the recording."""
    if len(heard) == 1:
        return Heard(replace(heard[0].result, utterances=1), heard[0].speech)
    results = [each.result for each in heard]
    result = joined(results)
    wall_s = sum((each.rtf or 0.0) * (each.seconds or 0.0) for each in results)
    result = finished(result, setting, result.seq, result.user_id or 0, result.seconds or 0.0, wall_s)
    return Heard(result, np.concatenate([each.speech for each in heard]))
