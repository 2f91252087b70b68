"""What a person sees of results while files are worked on, and what a program reads."""

import json
import sys
from collections.abc import Collection
from typing import TextIO

import numpy as np
from tqdm import tqdm

from gr_deepsc.ctc.confidence import DOUBTFUL, UNRELIABLE, marked
from gr_deepsc.framing import SYMBOL_RATE
from gr_deepsc.phy.channel import cn0_dbhz, snr_3khz_db
from gr_deepsc.result import Result

MAX_SYMBOL_RATE = 1e12  # Hz; what a result says beyond that is not taken


def describe_channel(channel: str | None, es_n0_db: float | None, symbol_rate: float = SYMBOL_RATE) -> str:
    """The channel in words, with the SNR as radio people state it beside Es/N0; the air itself has no name (None)."""
    if es_n0_db is None:
        return channel or "unknown"
    return (
        f"{channel + ', ' if channel else ''}Es/N0 {es_n0_db:.1f} dB "
        f"(SNR in 3 kHz {snr_3khz_db(es_n0_db, symbol_rate):.1f} dB, "
        f"C/N0 {cn0_dbhz(es_n0_db, symbol_rate):.1f} dBHz)"
    )


def describe_estimates(result: Result) -> str:
    """What the receiver found out about the path."""
    evm = "unknown" if result.evm is None else f"{100 * result.evm:.0f} %"
    carrier, clock = f"{result.cfo_hz:+.1f} Hz", f"{result.clock_ppm:+.0f} ppm"
    return f"Es/N0 {result.es_n0_db:.1f} dB, carrier {carrier}, clock {clock}, EVM {evm}"


def text(result: Result) -> str:
    """A text to read: with its doubtful words marked, where their confidences are known."""
    least = np.inf if result.error_type == UNRELIABLE else DOUBTFUL
    return marked(list(result.words), least) or result.text or "(nothing)"


def block(result: Result) -> str:
    """A simulated file's result as a block of text to read."""
    lines = [f"{result.file}  ({result.seconds:.1f} s of speech, user {result.user_id})"]

    def line(label: str, value: str) -> None:
        lines.append(f"  {label:<11} {value}")

    if result.reference is not None:
        line("spoken", result.reference)
    line("received", text(result))
    if result.cer is not None:
        line("CER", f"{result.cer:.3f} (character errors / characters spoken)")
    rate = result.symbols_per_second or SYMBOL_RATE
    if (result.utterances or 1) > 1:
        line("utterances", f"{result.utterances}, cut at pauses")
    line("channel", describe_channel(result.channel, result.es_n0_db_set, rate))
    if result.cfo_hz is not None:
        line("estimated", describe_estimates(result))
    line("symbols", f"{result.n_symbols} complex, {rate:.0f} a second of speech")
    if result.overhead is not None:
        count = (result.n_bursts or 0) + (result.bursts_missing or 0)
        bursts = "1 burst" if count == 1 else f"{count} bursts"
        line("overhead", f"{100 * result.overhead:.0f} % of all symbols, in {bursts}")
    line("confidence", f"{result.confidence:.2f}")
    line("rtf", f"{result.rtf:.3f} (processing time / speech time)")
    if result.speech_s:
        where = f": {result.speech}" if result.speech else ""
        line("speech", f"{result.speech_s:.1f} s in {result.synthesis_s:.2f} s, voice {result.voice}{where}")
    if result.warning:
        line("warning", result.warning)
    return "\n".join(lines)


def line(result: Result) -> str:
    """A result from a flowgraph as one line to read."""
    about = ["user unknown" if result.seq < 0 else f"user {result.user_id}"]
    if result.session:
        about.append(f"{result.session}#{result.seq}")
    es_n0_db = result.es_n0_db if result.es_n0_db is not None else result.es_n0_db_set
    path = describe_channel(result.channel, es_n0_db, _symbol_rate(result))
    if result.error:
        about += [] if es_n0_db is None else [path]
        what = f"{text(result)}  ({result.error})" if result.error_type == UNRELIABLE else f"LOST: {result.error}"
        return _printable(f"{what}  [{', '.join(about)}]")
    about.append(path)
    if result.confidence is not None:
        about.append(f"confidence {result.confidence:.2f}")
    if result.warning:
        about.append(result.warning)
    return _printable(f"{text(result)}  [{', '.join(about)}]")


def _printable(text: str) -> str:
    """What another program sent, without what would make a terminal do something."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _symbol_rate(result: Result) -> float:
    """Symbols a second on the air; those of the speech where symbols went one by one, without a radio."""
    rate = result.symbol_rate or 0.0  # of another program, perhaps: the protocol lets any number through here
    return rate if 0 < rate <= MAX_SYMBOL_RATE else SYMBOL_RATE


def as_line(result: Result) -> str:
    """One JSON object."""
    return json.dumps(result.as_json(), ensure_ascii=False)


def show(result: Result, as_json: bool) -> None:
    """Print a received result at once, however stdout is buffered."""
    print(as_line(result) if as_json else line(result), flush=True)


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"deepsc: {message}", file=sys.stderr, flush=True)


def name_error(path: str | None, error: str) -> str:
    """An error with its file's name before it, unless it names the file already."""
    return error if str(path) in error else f"{path}: {error}"


def progress(items: Collection, unit: str = "file") -> tqdm:
    """The items, with a progress bar where a person sees stderr and there is more than one; of files it stays."""
    disable, leave = len(items) < 2 or not sys.stderr.isatty(), unit == "file"
    return tqdm(items, unit=unit, dynamic_ncols=True, disable=disable, leave=leave)


def say(text: str, stream: TextIO, end: str = "\n") -> None:
    """Print at once, above the bar."""
    tqdm.write(text, file=stream, end=end)
    stream.flush()
