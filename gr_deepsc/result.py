"""What became of an utterance: one class for every JSON line of every command.

`python -m gr_deepsc.result` prints the keys as the table of docs/results.md.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from .codec.rates import of_codec
from .ctc.confidence import UNRELIABLE, Word, load
from .english import plain
from .phy.preamble import PREAMBLES
from .phy.pulse import SAMPLES_PER_SYMBOL
from .phy.units import OnAir, energy_n0_db, snr_3khz_db
from .phy.utterance import MAX_SYMBOLS, on_air

_OF = "of es_n0_db_set, where nothing was set of es_n0_db"
_PLAIN = "`text` as it is spoken, in small letters, space and apostrophe: twelve for 12, doctor for Dr."
# What follows from other keys; messages are not asked for it.
_SIZES = ("air_symbols", "air_energy")
_UNITS = ("air_symbols_per_second", "air_s", "cn0_dbhz", "snr_3khz_db", "speech_cn0_dbhz", "word_n0_db")
SLOWEST, FASTEST = 1e-6, 1e12  # symbol rates that a result may have, Hz; what lies beyond is not taken
# A burst was found, and that is all.
UNREAD = ("header_crc", "header_version", "header_illegal", "overload", "truncated")


def _key(meaning: str, default: Any = None, digits: int | None = None) -> Any:
    """A key with what it means, and to how many digits it is written."""
    return field(default=default, metadata={"meaning": meaning, "digits": digits})


@dataclass(frozen=True)
class Result:
    """Of an utterance, or of a burst or a file that nothing could be read of; None is what nobody knows."""

    file: str | None = _key("recording that was sent, or that was played")
    session: str = _key("the sender's own name for itself; empty over the air, where there is no room for it", "")
    seq: int = _key("number of the utterance, over the air modulo 32; -1 where no header was read", -1)
    user_id: int | None = _key("whose voice, 0 to 65535")
    text: str = _key("what was received: with capitals, punctuation and digits where the codec sends them", "")
    text_plain: str = field(default="", init=False, metadata={"meaning": _PLAIN, "digits": None})
    confidence: float | None = _key("mean of the words', 0 to 1", 0.0, 4)
    words: tuple[Word, ...] = _key(
        "each word of `text` and its confidence: the share of such words that were right in trials", ()
    )
    reference: str | None = _key("what was said, as --transcripts tells it")
    cer: float | None = _key("character errors / characters of the reference, as both are spoken", None, 4)
    lost: bool = _key("there is no text", False)
    error: str | None = _key("a sentence that says what went wrong, and what to do")
    error_type: str | None = _key("the same as a word: not_detected, header_crc, unreliable, utterances_missing, ...")
    warning: str | None = _key("a sentence, where something less than an error is to be said")
    partial: bool = _key("the utterance goes on: `text` is what came of it so far, and more results follow", False)
    utterances: int | None = _key("how many the recording was cut into; all here is of them together")
    seconds: float | None = _key("of the recording that was sent, without what was left out as silence", None, 3)
    nominal_s: float | None = _key("seconds of speech, roughly: n_symbols / rate", None, 3)
    model: str | None = _key("name or folder of the models, where this process ran them")
    rate: int | None = _key("nominal complex symbols of payload for a second of speech; 500 is the paper's own codec")
    n_symbols: int = _key("complex symbols of payload", 0)
    symbols_per_second: float | None = _key("of payload, for a second of speech: n_symbols / seconds", None, 2)
    air_symbols: int | None = _key("all complex symbols on the air: payload, preamble, header, pilots")
    air_symbols_per_second: float | None = _key("all of them: air_symbols / seconds", None, 2)
    air_energy: float | None = _key("energy of air_symbols, in mean energies of a payload symbol", None, 2)
    air_s: float | None = _key("seconds on the air: air_symbols / symbol_rate", None, 4)
    overhead: float | None = _key("share of all symbols on the air that is not payload", None, 4)
    preamble: str | None = _key("of the bursts: long or short")
    n_bursts: int | None = _key("bursts whose header was read")
    bursts_missing: int | None = _key("bursts of the utterance that did not come: the text has gaps")
    received: float | None = _key("share of the utterance that was in the stream", None, 4)
    realigned: int | None = _key("samples, 4 a symbol, that were missing inside bursts, and that room was made for")
    detected: bool | None = _key("a burst was found, even if it could not be read")
    channel: str | None = _key("kind of the simulated channel")
    csi: str | None = _key("estimated: all of the path was; ideal: the receiver was told h and N0")
    seed: int | None = _key("of the simulated channel")
    es_n0_db_set: float | None = _key("Es/N0 of a payload symbol that a simulation was told, dB", None, 4)
    es_n0_db: float | None = _key("Es/N0 of a payload symbol as the receiver estimated it, dB", None, 2)
    cn0_dbhz: float | None = _key(f"mean power while on the air over noise density, dB Hz; {_OF}", None, 2)
    snr_3khz_db: float | None = _key("the same in 3 kHz, dB: cn0_dbhz - 34.77", None, 2)
    speech_cn0_dbhz: float | None = _key("energy of all symbols, a second of speech, over N0, dB Hz", None, 2)
    word_n0_db: float | None = _key("energy of all symbols, a word of `text`, over N0, dB", None, 2)
    symbol_rate: float | None = _key("symbols a second on the air", None, 4)
    cfo_hz: float | None = _key("carrier offset as estimated, Hz", None, 3)
    drift_hz_s: float | None = _key("drift of the carrier as estimated, Hz a second", None, 2)
    clock_ppm: float | None = _key("clock offset as estimated: above 0, bursts last too long", None, 1)
    evm: float | None = _key("rms error of the equalised pilots over their amplitude", None, 4)
    inverted: bool | None = _key("it came on the other sideband, or with I and Q exchanged")
    fading: str | None = _key("the kind of channel that explains the pilots best")
    time_s: float | None = _key("of the first burst, from the beginning of the file", None, 4)
    timing: float | None = _key("the same in samples of the modem's stream, 4 a symbol", None, 2)
    decode_s: float | None = _key("seconds that the decoder took", None, 4)
    rtf: float | None = _key("time for everything but the speech / seconds", None, 5)
    voice: int | None = _key("user ID whose voice speaks the text")
    speech_s: float | None = _key("seconds of synthesised speech", None, 3)
    synthesis_s: float | None = _key("seconds that it took to make", None, 4)
    speech_rate: int | None = _key("of speech that came with a message, samples a second")
    speech: str | None = _key("file that the speech was written to")
    overflows: int | None = _key("times that the radio's receiver lost samples so far")
    samples_lost: int | None = _key("samples that it lost")
    underflows: int | None = _key("times that the transmitter ran out of samples")
    sequence_errors: int | None = _key("packets lost on the way to or from the radio")
    late: int | None = _key("bursts that came after their time")

    def __post_init__(self) -> None:
        object.__setattr__(self, "text_plain", plain(self.text))  # it cannot be another, whoever made the text

    @classmethod
    def of(cls, metadata: Mapping[str, Any], **known: Any) -> "Result":
        """The result in what a flowgraph or the chain says of an utterance; what else it says is left out.

        Args:
            metadata: plain Python or NumPy values by key; of words `word_confidence`, of the rate perhaps `codec`.
            known: keys that somebody else knows, rather than `metadata`.
        """
        said = dict(metadata) | known
        keys = [key for key in fields(cls) if key.init and key.name in said and key.name != "words"]
        found = {key.name: _written(said[key.name], key) for key in keys if key.name not in _SIZES + _UNITS}
        words = said.get("words") or ()  # of this process; messages have `word_confidence`
        if not (isinstance(words, list | tuple) and all(isinstance(word, Word) for word in words)):
            words = ()
        words = words or load(found.get("text", ""), str(said.get("word_confidence", "")))
        found["words"] = tuple(Word(word, round(confidence, 2)) for word, confidence in words)
        if found.get("rate") is None and isinstance(said.get("codec"), int):
            found["rate"] = of_codec(said["codec"])
        n_symbols, rate = found.get("n_symbols") or 0, found.get("rate") or 0
        possible = 0 < n_symbols <= MAX_SYMBOLS
        if possible and rate > 0:
            found["nominal_s"] = round(n_symbols / rate, 3)
        if possible and found.get("preamble") in PREAMBLES:
            bursts = found.get("n_bursts") or 1
            air = on_air(n_symbols, PREAMBLES[found["preamble"]], bursts)
            found |= {"air_symbols": air.symbols, "air_energy": round(air.energy, 2)}
            found["overhead"] = round(1 - n_symbols / air.symbols, 4)
        timing, symbol_rate = found.get("timing"), found.get("symbol_rate")
        if timing is not None and symbol_rate and math.isfinite(timing / symbol_rate):
            found["time_s"] = round(timing / (SAMPLES_PER_SYMBOL * symbol_rate), 4)
        if "n_bursts" in found or found.get("error_type") in (*UNREAD, "not_detected"):
            found["detected"] = found.get("error_type") != "not_detected"
        if found.get("realigned") and not found.get("warning"):
            lost = f"{found['realigned']} samples were lost inside the bursts"
            found["warning"] = f"{lost}; what came behind them was re-aligned"
        if not found.get("error") or found.get("error_type") == UNRELIABLE:  # what is missing says more
            found |= _gaps(found.get("bursts_missing") or 0, found.get("n_bursts") or 0, found.get("received"))
        return cls(**found).in_radio_units()

    def in_radio_units(self) -> "Result":
        """The same with C/N0 and the like, out of the other keys. Without bursts the payload is all there is."""
        es_n0_db = self.es_n0_db if self.es_n0_db_set is None else self.es_n0_db_set
        seconds, energy, rate = self.seconds, self.air_energy or self.n_symbols, self._air_rate()
        known: dict[str, float | None] = dict.fromkeys(_UNITS)
        if self.air_symbols and seconds:
            known["air_symbols_per_second"] = self.air_symbols / seconds
        if self.air_symbols and rate:
            known["air_s"] = self.air_symbols / rate
        if es_n0_db is not None and energy > 0:
            known["cn0_dbhz"] = self.cn0_dbhz_at(es_n0_db)
            known["snr_3khz_db"] = None if known["cn0_dbhz"] is None else snr_3khz_db(known["cn0_dbhz"])
            known["speech_cn0_dbhz"] = energy_n0_db(es_n0_db, energy / seconds) if seconds else None
            words = len(self.text.split())
            known["word_n0_db"] = energy_n0_db(es_n0_db, energy / words) if words else None
        digits = {key.name: key.metadata["digits"] for key in fields(self)}
        rounded: dict[str, Any] = {name: v if v is None else round(v, digits[name]) for name, v in known.items()}
        return replace(self, **rounded)

    def cn0_dbhz_at(self, es_n0_db: float) -> float | None:
        """C/N0 of what was on the air, dB Hz, its payload's symbols being at `es_n0_db`; None without bursts."""
        rate = self._air_rate()
        if not (rate and self.air_symbols and self.air_energy):
            return None
        return OnAir(self.air_symbols, self.air_energy).cn0_dbhz(es_n0_db, rate)

    def _air_rate(self) -> float | None:
        """`symbol_rate`, if it may be one: another program may have told it."""
        return self.symbol_rate if SLOWEST <= (self.symbol_rate or 0.0) <= FASTEST else None

    def failed(self, error_type: str, error: str) -> "Result":
        """The same with an error."""
        return replace(self, error_type=error_type, error=error)

    def as_json(self) -> dict[str, Any]:
        """All keys, in their order, as values that JSON has."""
        return asdict(self) | {"words": [word._asdict() for word in self.words]}


def meanings() -> dict[str, str]:
    """What each key means."""
    return {key.name: key.metadata["meaning"] for key in fields(Result)}


def _gaps(missing: int, came: int, received: float | None) -> dict[str, str]:
    """The error of a text that lacks something, if it does."""
    if missing:
        return {"error": f"{missing} of {missing + came} bursts did not come", "error_type": "bursts_missing"}
    if received is not None and received < 1:
        lacking = f"{100 * (1 - received):.0f} % of the utterance did not come"
        return {"error": lacking, "error_type": "incomplete"}
    return {}


def _written(value: Any, key: Field) -> Any:
    """A value as it is written; the key's default for one of another kind, which other programs may send.

    JSON has no number for infinity, and the EVM of a burst without pilots is infinite.
    """
    value = value.item() if isinstance(value, np.generic) else value
    truth = isinstance(value, bool)  # Python takes one for a whole number
    if key.type == float | None:
        usable = isinstance(value, int | float) and not truth and abs(value) < sys.float_info.max
        return round(float(value), key.metadata["digits"]) if usable else None
    kind: Any = key.type  # a class, or several: no annotation here is text
    return value if isinstance(value, kind) and truth is (kind in (bool, bool | None)) else key.default


if __name__ == "__main__":
    print("| key | meaning |\n| --- | --- |")
    print("\n".join(f"| `{name}` | {meaning} |" for name, meaning in meanings().items()))
