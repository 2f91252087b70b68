"""`deepsc play`: files of samples to text."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec import rates
from gr_deepsc.codec.decode import DecodeError, Decoder
from gr_deepsc.ctc.confidence import Word, dump, load
from gr_deepsc.phy.burst import Lost
from gr_deepsc.phy.listener import Listener, describe
from gr_deepsc.radio.iqfile import IqFileError

from ..errors import DONE, SOME_FAILED, HostError
from ..files.baseband import BasebandReader, profile_of
from ..show.report import describe_estimates, name_error, received, rounded

PATIENCE = 60.0  # s without progress in a flowgraph
_DIGITS = {"es_n0_db": 2, "cfo_hz": 3, "clock_ppm": 1, "evm": 4, "timing": 2, "confidence": 4, "received": 4}


class Player(Protocol):
    """What makes results, dictionaries of metadata, of the modem's samples."""

    def push(self, samples: np.ndarray) -> list[dict[str, Any]]: ...

    def flush(self) -> list[dict[str, Any]]: ...

    def close(self) -> None: ...


class DirectPlayer:
    """phy/ and the receiver model, without GNU Radio.

    Raises:
        HostError: the model cannot be loaded.
    """

    def __init__(self, model: str, symbol_rate: float, decoder: str) -> None:
        try:
            self._decoder = Decoder(model, decoder=decoder)
        except (OSError, ValueError, RuntimeError) as error:
            raise HostError(f"cannot load the model {model}: {error}") from None
        self._listener, self._symbol_rate = Listener(), symbol_rate

    def push(self, samples: np.ndarray) -> list[dict[str, Any]]:
        """Results that these samples, complex64 [n], completed."""
        return [self._result(event) for event in self._listener.push(samples)]

    def flush(self) -> list[dict[str, Any]]:
        """The file has ended: the results that were still to come."""
        return [self._result(event) for event in self._listener.flush()]

    def _result(self, event: Any) -> dict[str, Any]:
        meta = describe(event, self._symbol_rate) | {"text": "", "confidence": 0.0, "lost": True}
        if isinstance(event, Lost):
            return meta | {"error": event.error, "error_type": event.error_type}
        try:
            reading = self._decoder(event.symbols, event.reliability, event.codec)
        except DecodeError as error:
            return meta | {"error": str(error), "error_type": error.error_type}
        found = {"text": reading.text, "confidence": reading.confidence, "lost": False}
        return meta | found | {"word_confidence": dump(reading.words)}

    def close(self) -> None:
        """Nothing to close."""


class FlowgraphPlayer:
    """Burst Receiver and Semantic Decoder in a GNU Radio flowgraph.

    Raises:
        HostError: GNU Radio or the model cannot be loaded, or the flowgraph stopped.
    """

    def __init__(self, model: str, symbol_rate: float, decoder: str) -> None:
        from ..graph.receiving import Receiving

        self._receiving = Receiving(model, symbol_rate, decoder=decoder)
        self._receiving.graph.start()

    def push(self, samples: np.ndarray) -> list[dict[str, Any]]:
        """Results that have come."""
        return self._results(self._receiving.send, samples)

    def flush(self) -> list[dict[str, Any]]:
        """The file has ended: the results that were still to come."""
        return self._results(self._receiving.finish)

    def _results(self, step: Any, *arguments: Any) -> list[dict[str, Any]]:
        from ..graph.receiving import StuckError

        try:
            return [fields for port, fields in step(*arguments, PATIENCE) if port != "status"]
        except StuckError as error:
            raise HostError(str(error)) from None

    def close(self) -> None:
        """Stop the flowgraph."""
        self._receiving.close()


def run(args: argparse.Namespace) -> int:
    """`deepsc play`."""
    if args.through_gnuradio:
        from ..graph.gnuradio import stdout_for_results

        with stdout_for_results():
            return _run(args, FlowgraphPlayer)
    return _run(args, DirectPlayer)


def _run(args: argparse.Namespace, player_class: type) -> int:
    status = DONE
    for path in args.files:
        for result in play(path, args, player_class):
            _show(result, args.json)
            if result["lost"] or result["error"]:
                status = SOME_FAILED
    return status


def play(path: str, args: argparse.Namespace, player_class: type[Player]) -> Iterator[dict[str, Any]]:
    """The results of one file, in order of time; a file that cannot be read or has nothing in it is one, too."""
    profile, any_came = profile_of(path, args.profile), False
    symbol_rate = args.symbol_rate or profile.symbol_rate
    offset = profile.offset if args.offset_hz is None else args.offset_hz
    try:
        reader = BasebandReader(path, symbol_rate, offset)
    except IqFileError as error:
        yield _failure(path, error.error_type, str(error))
        return
    player = player_class(args.model, symbol_rate, args.decoder)
    try:
        for found in _pieces(reader, player):
            for each in found:
                any_came = True
                yield _finish(path, each, reader.baseband_rate)
    except IqFileError as error:
        any_came = True
        yield _failure(path, error.error_type, str(error))
    finally:
        player.close()
    if not any_came:
        yield _failure(
            path,
            "not_detected",
            f"{path}: no burst was found at {symbol_rate:g} symbols a second, {offset:g} Hz from the centre; "
            "see --profile, --symbol-rate and --offset-hz",
        )


def _pieces(reader: BasebandReader, player: Player) -> Iterator[list[dict[str, Any]]]:
    quiet = not sys.stderr.isatty()
    with tqdm(total=reader.sample_count, unit="S", unit_scale=True, leave=False, disable=quiet) as bar:
        for read, samples in reader.chunks():
            yield player.push(samples)
            bar.update(read)
        yield player.flush()


def _finish(path: str, meta: dict[str, Any], rate: float) -> dict[str, Any]:
    """A result as it is written: the keys that every result has, numbers rounded."""
    meta = {k: rounded(v, _DIGITS[k]) if k in _DIGITS else v for k, v in meta.items()}
    result = _failure(path, meta.get("error_type"), meta.get("error"))
    result |= {key: meta[key] for key in result if key in meta}
    result |= {
        "lost": bool(meta["lost"]),
        "time_s": round(meta["timing"] / rate, 4),
        "seconds": round(result["n_symbols"] / rates.of_codec(meta.get("codec", -1)), 3),
        "words": [word._asdict() for word in load(result["text"], meta.get("word_confidence", ""))],
    }
    if not result["error"] and meta.get("received", 1.0) < 1:
        result["error"] = f"{100 * (1 - meta['received']):.0f} % of the utterance did not come"
        result["error_type"] = "incomplete"
    return result


def _failure(path: str, error_type: str | None, error: str | None) -> dict[str, Any]:
    return {
        "file": str(path),
        "text": "",
        "time_s": None,
        "user_id": None,
        "seq": None,
        "lost": True,
        "error": error,
        "error_type": error_type,
        "confidence": 0.0,
        "words": [],
        "seconds": 0.0,
        "n_symbols": 0,
        "es_n0_db": None,
        "cfo_hz": None,
        "clock_ppm": None,
        "timing": None,
        "evm": None,
        "fading": None,
        "n_bursts": 0,
        "bursts_missing": 0,
        "received": 0.0,
    }


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _say(json.dumps(result, ensure_ascii=False), sys.stdout)
        return
    if not result["lost"]:
        about = f"user {result['user_id']}, {describe_estimates(result['es_n0_db'], result)}"
        text = received(result["text"], [Word(**word) for word in result["words"]])
        _say(f"{result['time_s']:9.3f} s  {text}  [{about}]", sys.stdout)
    if result["error"]:
        at = "" if result["time_s"] is None else f" (at {result['time_s']:.3f} s)"
        _say(f"deepsc: {name_error(result['file'], result['error'])}{at}", sys.stderr)


def _say(text: str, stream: Any) -> None:
    tqdm.write(text, file=stream)  # above the progress bar
    stream.flush()
