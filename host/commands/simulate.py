"""`deepsc simulate`: recordings through the whole modem and a simulated channel in one GNU Radio flowgraph."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import jiwer
import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.rates import of_codec
from gr_deepsc.ctc.confidence import load
from gr_deepsc.framing import SAMPLE_RATE, SYMBOL_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.phy.frame import Layout
from gr_deepsc.radio.profiles import PROFILES
from gr_deepsc.speech import audio

from ..errors import DONE, SOME_FAILED, HostError
from ..files.writer import Writer
from ..graph.gnuradio import stdout_for_results
from ..graph.simulation import Simulation
from ..show.report import (
    block,
    cn0_dbhz,
    complain,
    name_error,
    read_transcripts,
    rounded,
    snr_3khz_db,
)
from ..sound.player import Player


def run(args: argparse.Namespace) -> int:
    """`deepsc simulate`."""
    transcripts = read_transcripts(args.transcripts) if args.transcripts else {}
    writer = Writer(args.out) if args.out else None
    player = _player(args) if args.play else None
    status = DONE if player or writer or not args.play else SOME_FAILED
    simulation = Simulation(
        model=args.model,
        channel=args.channel,
        es_n0_db=args.snr,
        seed=args.seed,
        rician_k=args.rician_k,
        csi=args.csi,
        cfo_hz=args.cfo_hz,
        clock_ppm=args.clock_ppm,
        delay_samples=args.delay_samples,
        symbol_rate=args.symbol_rate or PROFILES[args.profile].symbol_rate,
        speak=bool(player or writer),
        voices=args.voices,
        rate=args.rate,
        target_snr_db=args.target_snr,
        decoder=args.decoder,
    )
    with stdout_for_results(), simulation:
        for seq, path in enumerate(_progress(args.files)):
            result, speech = simulate_file(simulation, path, seq, args)
            name = Path(path).stem
            if name in transcripts:
                result["reference"] = transcripts[name]
                result["cer"] = round(jiwer.cer(transcripts[name], result["text"]), 4)
            if writer:
                writer.write(name, path, result, speech)
            if player and len(speech):
                player(speech, SAMPLE_RATE)
            if args.json:
                _say(json.dumps(result, ensure_ascii=False), sys.stdout)
            elif not result["lost"]:
                _say(block(result), sys.stdout, end="\n\n")
            if result["error"] and not args.json:
                _say(f"deepsc: {name_error(path, result['error'])}", sys.stderr)
            if result["lost"] or result["error"]:
                status = SOME_FAILED
        if player:
            player.close()
    return status


def _player(args: argparse.Namespace) -> Player | None:
    """None where there is nothing to play through: all else is still done."""
    try:
        return Player(args.device)
    except HostError as error:
        complain(f"not played: {error}")
        return None


def simulate_file(
    simulation: Simulation, path: str, seq: int, args: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray]:
    """The result of one recording, ready to be written as JSON, and what was said: float32 [n] at 16 kHz."""
    try:
        samples, rate = audio.read(path)
    except audio.AudioError as error:
        got = {"lost": True, "error": str(error), "error_type": error.error_type}
        seconds = 0.0
    else:
        got = simulation(samples, rate, seq, args.user_id)
        seconds = len(samples) / rate
    es_n0_db = None if args.channel == "none" else args.snr
    n_symbols = int(got.get("n_symbols", 0))
    rate = n_symbols / seconds if n_symbols else SYMBOL_RATE
    result = {
        "file": str(path),
        "text": got.get("text", ""),
        "channel": args.channel,
        "es_n0_db": es_n0_db,
        "seed": args.seed,
        "n_symbols": n_symbols,
        "symbols_per_second": round(n_symbols / seconds, 2) if seconds else 0.0,
        "rtf": round((got["wall_s"] - got.get("synthesis_s", 0.0)) / seconds, 5) if seconds else 0.0,
        "user_id": args.user_id,
        "lost": bool(got["lost"]),
        "error": got["error"],
        "error_type": got["error_type"],
        "confidence": round(float(got.get("confidence") or 0.0), 4),
        "seconds": round(seconds, 3),
        "snr_3khz_db": None if es_n0_db is None else round(snr_3khz_db(es_n0_db, rate), 2),
        "cn0_dbhz": None if es_n0_db is None else round(cn0_dbhz(es_n0_db, rate), 2),
        "model": args.model,
        "csi": args.csi,
        "rate": of_codec(got["codec"]) if "codec" in got else None,
        "words": [word._asdict() for word in load(got.get("text", ""), got.get("word_confidence", ""))],
    }
    bursts = _of_bursts(got)
    result |= bursts if args.csi == "estimated" else dict.fromkeys(bursts)
    speech = got.get("speech", np.zeros(0, np.float32))
    return result | _of_speech(got), speech


def _of_speech(got: dict[str, Any]) -> dict[str, Any]:
    """What the synthesiser adds to a result; nothing without one."""
    if "synthesis_s" not in got:
        return {}
    return {
        "voice": got["voice"],
        "speech_s": round(len(got["speech"]) / SAMPLE_RATE, 3),
        "synthesis_s": round(got["synthesis_s"], 4),
        "warning": got.get("warning"),
    }


def _of_bursts(got: dict[str, Any]) -> dict[str, Any]:
    """What the modem adds to a result; null where no burst was read."""
    missing = int(got.get("bursts_missing", 0))
    bursts = int(got.get("n_bursts", 0)) + missing
    return {
        "detected": bool(bursts) or got["error_type"] in ("header_crc", "header_version"),
        "es_n0_db_estimated": _rounded(got, "es_n0_db", 2),
        "cfo_hz": _rounded(got, "cfo_hz", 3),
        "clock_ppm": _rounded(got, "clock_ppm", 1),
        "evm": _rounded(got, "evm", 4),
        "fading": got.get("fading"),
        "overhead": round(overhead(got["n_symbols"], bursts), 4) if bursts else None,
        "n_bursts": bursts,
        "bursts_missing": missing,
    }


def _rounded(got: dict[str, Any], key: str, digits: int) -> float | None:
    return rounded(got[key], digits) if key in got else None


def overhead(n_symbols: int, bursts: int) -> float:
    """Share of all symbols of an utterance's `bursts` that are not its `n_symbols` of payload."""
    frames = n_symbols // SYMBOLS_PER_FRAME
    parts = [frames * (k + 1) // bursts - frames * k // bursts for k in range(bursts)]
    return 1 - n_symbols / sum(Layout(part).symbols for part in parts)


def _progress(files: list[str]) -> tqdm:
    """The files, with a progress bar where a person sees stderr and there is more than one."""
    return tqdm(files, unit="file", dynamic_ncols=True, disable=len(files) < 2 or not sys.stderr.isatty())


def _say(text: str, stream: TextIO, end: str = "\n") -> None:
    tqdm.write(text, file=stream, end=end)  # above the progress bar
    stream.flush()
