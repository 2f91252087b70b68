"""`deepsc simulate`: recordings through encoder, channel and decoder in one GNU Radio flowgraph."""

import argparse
import json
import queue
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import jiwer
import numpy as np
from tqdm import tqdm

from gr_deepsc import audio
from gr_deepsc.features import SYMBOLS_PER_FRAME
from gr_deepsc.phy.channel import BLOCK
from gr_deepsc.phy.detect import HOP
from gr_deepsc.phy.frame import Layout
from gr_deepsc.profiles import DEFAULT, PROFILES

from .errors import DONE, SOME_FAILED, HostError
from .radio import import_gnuradio, stdout_for_results
from .report import block, cn0_dbhz, name_error, read_transcripts, snr_3khz_db

CSI = ("estimated", "ideal")
POLL = 0.005  # s
PATIENCE = 120.0  # s; how long an utterance may take before its loss is reported


SILENCE = 3 * HOP  # samples around each burst: by its end the receiver has searched it


class Simulation:
    """One running flowgraph that takes one utterance at a time.

    With estimated CSI: encoder -> burst framer -> radio path -> burst receiver -> decoder, the path's fading, noise
    and offsets unknown to the receiver. With ideal CSI: encoder -> block-fading channel -> decoder, symbol by
    symbol, interleaved as a burst is, and the decoder is told h and N0.

    The models are loaded once, here. Use it as a context manager, or call `close`.

    Args:
        model: name of a shipped model, or a folder with transmitter.onnx and receiver.onnx.
        channel: awgn, rayleigh, rician or none.
        es_n0_db: Es/N0 a complex symbol of the payload, in dB; has no effect on channel none.
        seed: of the channel; its noise follows from the seed and the utterance's `seq`.
        rician_k: power of the direct path over that of the scattered ones, for rician.
        csi: one of `CSI`.
        cfo_hz, clock_ppm, delay_samples, symbol_rate: of the radio path; for estimated CSI.

    Raises:
        HostError: GNU Radio or the model cannot be loaded, or there is no such path.
    """

    def __init__(
        self,
        model: str = "default",
        channel: str = "awgn",
        es_n0_db: float = 20.0,
        seed: int = 0,
        rician_k: float = 1.0,
        csi: str = "estimated",
        cfo_hz: float = 0.0,
        clock_ppm: float = 0.0,
        delay_samples: float = 0.0,
        symbol_rate: float = PROFILES[DEFAULT].symbol_rate,
    ) -> None:
        gr, self._pmt = import_gnuradio()
        from gr_deepsc.blocks import SemanticDecoder, SemanticEncoder

        self._graph = gr.top_block("deepsc simulate", catch_exceptions=False)
        # GNU Radio does not keep Python blocks alive: we do
        try:
            self._encoder = SemanticEncoder(model=model)
            self._decoder = SemanticDecoder(model=model, es_n0_db=es_n0_db)
        except (OSError, ValueError, RuntimeError) as error:
            raise HostError(f"cannot load the model {model}: {error}") from None
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        self._collector = _collector(gr, self._pmt, self._results)
        self._modem = csi == "estimated"
        try:
            if self._modem:
                self._connect_modem(
                    (channel, es_n0_db, cfo_hz, clock_ppm, delay_samples, symbol_rate, rician_k, seed)
                )
            else:
                self._connect_symbols((channel, es_n0_db, BLOCK, rician_k, seed, True))
        except ValueError as error:
            raise HostError(str(error)) from None
        self._connect((self._encoder, "failed", self._collector, "text"))
        self._connect((self._decoder, "text", self._collector, "text"))
        self._connect((self._decoder, "failed", self._collector, "text"))
        for part in (self._encoder, self._decoder):
            part.logger.set_level("error")  # a refused utterance is in its result: no need to log it as well
        self._graph.start()

    def _connect(self, *ports: tuple) -> None:
        for source, port, sink, into in ports:
            self._graph.msg_connect((source, port), (sink, into))

    def _connect_modem(self, path: tuple) -> None:
        from gnuradio import pdu

        from gr_deepsc.blocks import BurstFramer, BurstReceiver, RadioPath

        self._framer, self._path = BurstFramer(silence=SILENCE), RadioPath(*path)
        self._receiver = BurstReceiver(path[5])
        self._stream = pdu.pdu_to_stream_c(pdu.EARLY_BURST_APPEND, 64)
        self._connect(
            (self._encoder, "symbols", self._framer, "symbols"),
            (self._framer, "bursts", self._path, "bursts"),
            (self._path, "bursts", self._stream, "pdus"),
            (self._receiver, "symbols", self._decoder, "symbols"),
            (self._receiver, "failed", self._collector, "text"),
            (self._receiver, "status", self._collector, "status"),
            (self._framer, "failed", self._collector, "text"),
            (self._path, "failed", self._collector, "text"),
        )
        self._graph.connect(self._stream, self._receiver)

    def _connect_symbols(self, parameters: tuple) -> None:
        from gr_deepsc.blocks import BlockFadingChannel

        self._channel = BlockFadingChannel(*parameters)
        self._connect(
            (self._encoder, "symbols", self._channel, "symbols"),
            (self._channel, "symbols", self._decoder, "symbols"),
        )

    def __call__(self, samples: np.ndarray, rate: int, seq: int = 0, user_id: int = 0) -> dict[str, Any]:
        """Send one utterance and wait for its result.

        Args:
            samples: float32 [n], mono, full scale 1.0, at `rate` Hz.
            seq: number of the utterance, 0, 1, ...: it selects the channel's realisation.

        Returns:
            The text PDU's metadata as plain Python values, with `text`, `lost`, `error`, `error_type`, and
            `wall_s`: seconds from posting the audio to having the text. Failures are results, too.
        """
        pmt = self._pmt
        meta = pmt.make_dict()
        for key, value in (
            ("session", "simulate"),
            ("seq", seq),
            ("user_id", user_id),
            ("sample_rate", float(rate)),
        ):
            meta = pmt.dict_add(meta, pmt.intern(key), pmt.to_pmt(value))
        pdu = pmt.cons(meta, pmt.init_f32vector(len(samples), samples.tolist()))
        start = time.perf_counter()
        if self._modem:
            self._path.complete = False
        self._encoder.to_basic_block()._post(pmt.intern("audio"), pdu)
        result = {
            "text": "",
            "lost": False,
            "error": None,
            "error_type": None,
            "n_symbols": 0,
            "confidence": 0.0,
        }
        result |= self._await(start + PATIENCE)
        return result | {"wall_s": time.perf_counter() - start}

    def _await(self, deadline: float) -> dict[str, Any]:
        """The utterance's result; where its burst was not found, that."""
        flushed, before = False, self._receiver.utterances if self._modem else 0
        while time.perf_counter() < deadline:
            try:
                found = self._results.get(timeout=POLL)
            except queue.Empty:
                if (
                    self._modem
                    and not flushed
                    and self._path.complete
                    and self._receiver.position == self._path.sent
                ):
                    self._receiver.to_basic_block()._post(self._pmt.intern("flush"), self._pmt.PMT_T)
                    flushed = True
                continue
            if "utterances" not in found:
                return found
            if flushed and found["utterances"] == before:
                return {
                    "lost": True,
                    "error": "no burst was found in what the receiver heard",
                    "error_type": "not_detected",
                }
        return {"lost": True, "error": f"no result after {PATIENCE:g} s", "error_type": "timeout"}

    def close(self) -> None:
        """Stop the flowgraph."""
        self._graph.stop()
        self._graph.wait()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _collector(gr, pmt, results: queue.SimpleQueue):
    class Collector(gr.basic_block):
        def __init__(self) -> None:
            gr.basic_block.__init__(self, "collector", None, None)
            for port, handler in (("text", self.take), ("status", self.take_status)):
                self.message_port_register_in(pmt.intern(port))
                self.set_msg_handler(pmt.intern(port), handler)

        def take(self, pdu) -> None:
            meta, fields = pmt.car(pdu), {}
            keys = pmt.dict_keys(meta)
            for index in range(pmt.length(keys)):
                key = pmt.nth(index, keys)
                value = pmt.dict_ref(meta, key, pmt.PMT_NIL)
                if not pmt.is_uniform_vector(value):  # the CSI: thousands of numbers that nobody here reads
                    fields[pmt.symbol_to_string(key)] = pmt.to_python(value)
            results.put(fields)

        def take_status(self, counters) -> None:
            results.put(pmt.to_python(counters))

    return Collector()


def run(args: argparse.Namespace) -> int:
    """`deepsc simulate`."""
    transcripts = read_transcripts(args.transcripts) if args.transcripts else {}
    writer = _Writer(args.out) if args.out else None
    status = DONE
    options = {"model": args.model, "channel": args.channel, "es_n0_db": args.snr, "seed": args.seed}
    options |= {
        "rician_k": args.rician_k,
        "csi": args.csi,
        "cfo_hz": args.cfo_hz,
        "clock_ppm": args.clock_ppm,
    }
    options |= {"delay_samples": args.delay_samples, "symbol_rate": _symbol_rate(args)}
    with stdout_for_results(), Simulation(**options) as simulation:
        for seq, path in enumerate(_progress(args.files)):
            result = simulate_file(simulation, path, seq, args)
            name = Path(path).stem
            if name in transcripts:
                result["reference"] = transcripts[name]
                result["cer"] = round(jiwer.cer(transcripts[name], result["text"]), 4)
            if writer:
                writer.write(name, result)
            if args.json:
                _say(json.dumps(result, ensure_ascii=False), sys.stdout)
            elif result["error"]:
                _say(f"deepsc: {name_error(path, result['error'])}", sys.stderr)
            else:
                _say(block(result), sys.stdout, end="\n\n")
            if result["lost"] or result["error"]:
                status = SOME_FAILED
    return status


def simulate_file(simulation: Simulation, path: str, seq: int, args: argparse.Namespace) -> dict[str, Any]:
    """The result of one recording, ready to be written as JSON."""
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
    estimated = args.csi == "estimated"
    bursts = int(got.get("n_bursts", 0)) + int(got.get("bursts_missing", 0))
    return {
        "file": str(path),
        "text": got.get("text", ""),
        "channel": args.channel,
        "es_n0_db": es_n0_db,
        "seed": args.seed,
        "n_symbols": n_symbols,
        "symbols_per_second": round(n_symbols / seconds, 2) if seconds else 0.0,
        "rtf": round(got["wall_s"] / seconds, 5) if seconds else 0.0,
        "user_id": args.user_id,
        "lost": bool(got["lost"]),
        "error": got["error"],
        "error_type": got["error_type"],
        "confidence": round(float(got.get("confidence") or 0.0), 4),
        "seconds": round(seconds, 3),
        "snr_3khz_db": None if es_n0_db is None else round(snr_3khz_db(es_n0_db), 2),
        "cn0_dbhz": None if es_n0_db is None else round(cn0_dbhz(es_n0_db), 2),
        "model": args.model,
        "csi": args.csi,
        "detected": bool(bursts) or got["error_type"] == "header_crc" if estimated else None,
        "es_n0_db_estimated": _rounded(got, "es_n0_db", 2) if bursts else None,
        "cfo_hz": _rounded(got, "cfo_hz", 3),
        "clock_ppm": _rounded(got, "clock_ppm", 1),
        "evm": _rounded(got, "evm", 4),
        "fading": got.get("fading"),
        "overhead": round(1 - n_symbols / _burst_symbols(n_symbols, bursts), 4) if bursts else None,
    }


def _rounded(got: dict[str, Any], key: str, digits: int) -> float | None:
    return round(float(got[key]), digits) if key in got else None


def _burst_symbols(n_symbols: int, bursts: int) -> int:
    """All symbols that the bursts of an utterance take."""
    frames = n_symbols // SYMBOLS_PER_FRAME
    return sum(Layout(frames * (k + 1) // bursts - frames * k // bursts).symbols for k in range(bursts))


def _symbol_rate(args: argparse.Namespace) -> float:
    return args.symbol_rate or PROFILES[args.profile].symbol_rate


class _Writer:
    """NAME.txt and NAME.json in a folder; a name that comes twice gets a number."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._used: set[str] = set()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HostError(f"cannot make the folder {folder}: {error.strerror}") from None

    def write(self, name: str, result: dict[str, Any]) -> None:
        unique, number = name, 2
        while unique in self._used:
            unique, number = f"{name}-{number}", number + 1
        self._used.add(unique)
        try:
            (self._folder / f"{unique}.txt").write_text(result["text"] + "\n", encoding="utf-8")
            (self._folder / f"{unique}.json").write_text(
                json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
            )
        except OSError as error:
            raise HostError(f"cannot write {error.filename}: {error.strerror}") from None


def _progress(files: list[str]) -> tqdm:
    """The files, with a progress bar where a person sees stderr and there is more than one."""
    return tqdm(files, unit="file", dynamic_ncols=True, disable=len(files) < 2 or not sys.stderr.isatty())


def _say(text: str, stream: TextIO, end: str = "\n") -> None:
    tqdm.write(text, file=stream, end=end)  # above the progress bar
    stream.flush()
