"""What a person sees of results while files are worked on, and what a program reads."""

import json
import sys
from collections.abc import Collection
from typing import TextIO

import numpy as np
from tqdm import tqdm

from gr_deepsc.ctc.confidence import DOUBTFUL, UNRELIABLE, marked
from gr_deepsc.phy.units import snr_3khz_db
from gr_deepsc.result import Result

from ..errors import printable


def describe_snr(result: Result, es_n0_db: float) -> str:
    """Es/N0, and SNR and C/N0 while it is on the air, as radio people state them, where something was on the air."""
    cn0_dbhz, told = result.cn0_dbhz_at(es_n0_db), f"Es/N0 {es_n0_db:.1f} dB"
    if cn0_dbhz is None:
        return told
    return f"{told} (SNR in 3 kHz {snr_3khz_db(cn0_dbhz):.1f} dB, C/N0 {cn0_dbhz:.1f} dBHz)"


def describe_channel(result: Result, es_n0_db: float | None) -> str:
    """The channel in words; the air itself has no name (None)."""
    if es_n0_db is None:
        return result.channel or "unknown"
    return f"{result.channel + ', ' if result.channel else ''}{describe_snr(result, es_n0_db)}"


def describe_estimates(result: Result) -> str:
    """What the receiver found out about the path."""
    evm = "unknown" if result.evm is None else f"{100 * result.evm:.0f} %"
    carrier, clock = f"{result.cfo_hz:+.1f} Hz", f"{result.clock_ppm:+.0f} ppm"
    snr = "Es/N0 unknown" if result.es_n0_db is None else describe_snr(result, result.es_n0_db)
    return f"{snr}, carrier {carrier}, clock {clock}, EVM {evm}"


def text(result: Result) -> str:
    """A text to read: with its doubtful words marked, where their confidences are known."""
    least = np.inf if result.error_type == UNRELIABLE else DOUBTFUL
    return marked(list(result.words), least) or result.text or "(nothing)"


def block(result: Result) -> str:
    """A simulated file's result as a block of text to read."""
    lines = [f"{printable(str(result.file))}  ({result.seconds:.1f} s of speech, user {result.user_id})"]

    def line(label: str, value: str) -> None:
        lines.append(f"  {label:<11} {value}")

    if result.reference is not None:
        line("spoken", result.reference)
    line("received", text(result))
    if result.cer is not None:
        line("CER", f"{result.cer:.3f} (character errors / characters spoken)")
    if (result.utterances or 1) > 1:
        line("utterances", f"{result.utterances}, cut at pauses")
    line("channel", describe_channel(result, result.es_n0_db_set))
    if result.cfo_hz is not None:
        line("estimated", describe_estimates(result))
    if result.speech_cn0_dbhz is not None:
        word = "" if result.word_n0_db is None else f", a word {result.word_n0_db:.1f} dB"
        line("energy / N0", f"a second of speech {result.speech_cn0_dbhz:.1f} dBHz{word}, all symbols counted")
    sizes, rates = f"{result.n_symbols} of payload", f"{result.symbols_per_second or 0:.0f}"
    if result.air_symbols is not None:
        sizes, rates = f"{sizes}, {result.air_symbols} in all", f"{rates} and {result.air_symbols_per_second or 0:.0f}"
    line("symbols", f"{sizes}; {rates} a second of speech")
    if result.overhead is not None:
        count = (result.n_bursts or 0) + (result.bursts_missing or 0)
        bursts = "1 burst" if count == 1 else f"{count} bursts"
        air = "" if result.air_s is None else f"; {result.air_s:.3g} s on the air"
        line("overhead", f"{100 * result.overhead:.0f} % of all symbols, in {bursts}{air}")
    line("confidence", f"{result.confidence:.2f}")
    line("rtf", f"{result.rtf:.3f} (processing time / speech time)")
    if result.speech_s:
        where = f": {printable(result.speech)}" if result.speech else ""
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
    path = describe_channel(result, es_n0_db)
    if result.error:
        about += [] if es_n0_db is None else [path]
        what = f"{text(result)}  ({result.error})" if result.error_type == UNRELIABLE else f"LOST: {result.error}"
        return printable(f"{what}  [{', '.join(about)}]")
    about.append(path)
    if result.rate is not None:
        about.append(f"{result.rate} symbols/s")
    if result.confidence is not None:
        about.append(f"confidence {result.confidence:.2f}")
    if result.warning:
        about.append(result.warning)
    return printable(f"{text(result)}  [{', '.join(about)}]")


def as_line(result: Result) -> str:
    """One JSON object."""
    told = json.dumps(result.as_json(), ensure_ascii=False)
    try:
        told.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # an ASCII terminal, or a file's name that is no text: JSON has escapes
        return json.dumps(result.as_json())
    return told


def show(result: Result, as_json: bool) -> None:
    """Print a received result at once, however stdout is buffered."""
    say(as_line(result) if as_json else line(result), sys.stdout)


def complain(message: str) -> None:
    """One line on stderr."""
    say(f"deepsc: {printable(message)}", sys.stderr)


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
