"""What a person reads about a result, and what a program reads."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from gr_deepsc.ctc.confidence import Word, load, marked
from gr_deepsc.framing import SYMBOL_RATE
from gr_deepsc.text import ALPHABET

from ..errors import HostError

MAX_SYMBOL_RATE = 1e12  # Hz; what a result says beyond that is not taken
REFERENCE_BANDWIDTH = 3000.0  # Hz: a single-sideband voice channel, in which radio amateurs state SNR


def snr_3khz_db(es_n0_db: float, symbol_rate: float = SYMBOL_RATE) -> float:
    """Signal to noise ratio in 3 kHz, in dB, for symbols of Es/N0 `es_n0_db` at `symbol_rate` a second."""
    return es_n0_db + 10 * math.log10(symbol_rate / REFERENCE_BANDWIDTH)


def cn0_dbhz(es_n0_db: float, symbol_rate: float = SYMBOL_RATE) -> float:
    """Carrier to noise density ratio, in dB Hz, for symbols of Es/N0 `es_n0_db` at `symbol_rate` a second."""
    return es_n0_db + 10 * math.log10(symbol_rate)


def describe_channel(channel: str | None, es_n0_db: float | None, symbol_rate: float = SYMBOL_RATE) -> str:
    """The channel in words, with the SNR as radio people state it beside Es/N0; the air itself has no name (None)."""
    if es_n0_db is None:
        return channel or "unknown"
    return (
        f"{channel + ', ' if channel else ''}Es/N0 {es_n0_db:.1f} dB "
        f"(SNR in 3 kHz {snr_3khz_db(es_n0_db, symbol_rate):.1f} dB, "
        f"C/N0 {cn0_dbhz(es_n0_db, symbol_rate):.1f} dBHz)"
    )


def rounded(value: float, digits: int) -> float | None:
    """None for what JSON has no number for: the EVM of a burst without pilots is infinite."""
    return round(float(value), digits) if math.isfinite(value) else None


def describe_estimates(es_n0_db: float, result: dict[str, Any]) -> str:
    """What the receiver found out about the path."""
    evm = "unknown" if result["evm"] is None else f"{100 * result['evm']:.0f} %"
    return (
        f"Es/N0 {es_n0_db:.1f} dB, carrier {result['cfo_hz']:+.1f} Hz, clock {result['clock_ppm']:+.0f} ppm, "
        f"EVM {evm}"
    )


def received(text: str, words: list[Word]) -> str:
    """A text to read: with its doubtful words marked, where their confidences are known."""
    return marked(words) or text or "(nothing)"


def block(result: dict[str, Any]) -> str:
    """A simulated file's result as a block of text to read."""
    lines = [f"{result['file']}  ({result['seconds']:.1f} s of speech, user {result['user_id']})"]

    def line(label: str, value: str) -> None:
        lines.append(f"  {label:<11} {value}")

    if "reference" in result:
        line("spoken", result["reference"])
    line("received", received(result["text"], [Word(**word) for word in result["words"]]))
    if "cer" in result:
        line("CER", f"{result['cer']:.3f} (character errors / characters spoken)")
    rate = result["symbols_per_second"] or SYMBOL_RATE
    line("channel", describe_channel(result["channel"], result["es_n0_db"], rate))
    if result.get("es_n0_db_estimated") is not None:
        line("estimated", describe_estimates(result["es_n0_db_estimated"], result))
    line("symbols", f"{result['n_symbols']} complex, {result['symbols_per_second']:.0f} a second of speech")
    if result.get("overhead") is not None:
        bursts = "1 burst" if result["n_bursts"] == 1 else f"{result['n_bursts']} bursts"
        line("overhead", f"{100 * result['overhead']:.0f} % of all symbols, in {bursts}")
    line("confidence", f"{result['confidence']:.2f}")
    line("rtf", f"{result['rtf']:.3f} (processing time / speech time)")
    if result.get("speech_s"):
        where = f": {result['speech']}" if "speech" in result else ""
        line(
            "speech",
            f"{result['speech_s']:.1f} s in {result['synthesis_s']:.2f} s, voice {result['voice']}{where}",
        )
    if result.get("warning"):
        line("warning", result["warning"])
    return "\n".join(lines)


def line(result: dict[str, Any]) -> str:
    """A received result (protocol.RESULT) as one line to read."""
    about = ["user unknown" if result["seq"] < 0 else f"user {result['user_id']}"]
    if result["session"]:
        about.append(f"{result['session']}#{result['seq']}")
    path = describe_channel(result["channel"], result["es_n0_db"], _symbol_rate(result))
    if result["error"]:
        about += [] if result["es_n0_db"] is None else [path]
        return f"LOST: {result['error']}  [{', '.join(about)}]"
    about.append(path)
    if result["confidence"] is not None:
        about.append(f"confidence {result['confidence']:.2f}")
    if result.get("warning"):
        about.append(result["warning"])
    text = received(result["text"], load(result["text"], str(result.get("word_confidence", ""))))
    return f"{text}  [{', '.join(about)}]"


def _symbol_rate(result: dict[str, Any]) -> float:
    """Symbols a second on the air; those of the speech where symbols went one by one, without a radio."""
    rate = result.get("symbol_rate")  # of another program, perhaps: the protocol lets anything through here
    usable = isinstance(rate, int | float) and 0 < rate <= MAX_SYMBOL_RATE
    return rate if usable else SYMBOL_RATE


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print a received result at once, however stdout is buffered."""
    print(json.dumps(result, ensure_ascii=False) if as_json else line(result), flush=True)


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"deepsc: {message}", file=sys.stderr, flush=True)


def name_error(path: str, error: str) -> str:
    """An error with its file's name before it, unless it names the file already."""
    return error if str(path) in error else f"{path}: {error}"


def read_transcripts(path: str) -> dict[str, str]:
    """True texts by recording name (without suffix), from lines of NAME|TEXT, in the models' alphabet.

    Raises:
        HostError: no such file, or a line without `|`; names file and line.
    """
    texts = {}
    try:
        rows = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"cannot read the transcripts {path}: {error}") from None
    for number, row in enumerate(rows, 1):
        name, bar, text = row.partition("|")
        if row.strip() and not bar:
            raise HostError(f"{path}:{number}: expected NAME|TEXT")
        plain = "".join(c if c in ALPHABET else " " * (c in "-\t") for c in text.lower())
        texts[name.strip()] = " ".join(plain.split())
    return texts
