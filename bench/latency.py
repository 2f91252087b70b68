"""Text while somebody speaks, against text of the whole: errors, and how long words take.

.venv/bin/python bench/latency.py errors CORPORA      # CER in pieces and in one piece, of test clips
.venv/bin/python bench/latency.py words CORPORA       # seconds from a word's end to its text, over a flowgraph
"""

import argparse
import time
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
import zmq
from deepsc_export.data.corpora import load
from deepsc_host.link.results import ResultReader
from deepsc_host.link.sender import Sender

from gr_deepsc.codec.decode import Decoder, Reading
from gr_deepsc.codec.encode import Encoded, Encoder
from gr_deepsc.codec.live import Live
from gr_deepsc.codec.pieces import Pieces
from gr_deepsc.english import plain
from gr_deepsc.framing import HOP, SAMPLE_RATE
from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.reader import AUTO, CTC
from gr_deepsc.reader.check import hold
from gr_deepsc.reader.whisper import Read
from gr_deepsc.speech import audio
from gr_deepsc.speech.segment import LEAD_S, PARTIAL_S, Segmenter

CORPORA = "LJSpeech-1.1", "kathleen", "mini_librispeech"
CLIPS = 20  # of each
HISS = 1e-4  # a quiet room
BLOCK = SAMPLE_RATE // 10  # samples that a microphone gives at a time
REST_S = 0.6 - LEAD_S  # behind the end of an utterance the segmenter waits for more
PATIENCE_S = 20.0  # with a result


def stream(waveform: np.ndarray, seed: int = 0) -> np.ndarray:
    """Speech, float32 [n] at 16 kHz, as a microphone would have heard it: half a second before it, one behind it."""
    padded = np.pad(waveform, (SAMPLE_RATE // 2, SAMPLE_RATE))
    return padded + HISS * np.random.default_rng(seed).standard_normal(len(padded)).astype(np.float32)


class Compared:
    """Both ways of a clip, from the segmenter to the text, over symbols that arrive as they were sent."""

    def __init__(self, reader: str = AUTO) -> None:
        self._encoder, self._decoder = Encoder(reader=reader), Decoder()

    def __call__(self, waveform: np.ndarray) -> tuple[str, str, int]:
        """The text in one piece, the text in pieces, and how many bursts the pieces were."""
        live, pieces, whole, parts, bursts = Live(self._encoder), Pieces(), [], [], 0
        segmenter = Segmenter(partial_s=PARTIAL_S)
        steps = [*segmenter.steps(stream(waveform)), *((each, True) for each in segmenter.flush())]
        for samples, last in steps:
            piece = live(("clip",), samples, last)
            if piece is not None:
                bursts += 1
                reading = self._read(piece.encoded)
                if piece.part is not None:
                    reading = pieces({"last": last}, reading)[1]
                parts += [reading.text] if last else []
            if last:
                whole.append(self._read(self._encoder(samples)).text)
        return " ".join(whole), " ".join(parts), bursts

    def _read(self, encoded: Encoded) -> Reading:
        return self._decoder(encoded.symbols, np.ones(len(encoded.symbols), np.float32), encoded.codec)


def clips(root: Path, count: int = CLIPS) -> list[tuple[str, np.ndarray, str]]:
    """Of each corpus the first `count` test clips that are spread over it: key, float32 [n] at 16 kHz, text."""
    found = []
    for name in CORPORA:
        test = [each for each in load(root / name) if each.split == "test"]
        for k in np.linspace(0, len(test) - 1, count).round().astype(int):
            found.append((test[k].key, audio.check(*audio.read(test[k].path)), test[k].text))
    return found


def errors(root: Path, count: int = CLIPS, reader: str = AUTO) -> tuple[float, float]:
    """CER in one piece and in pieces; prints them."""
    compared, said = Compared(reader), []
    for key, waveform, text in clips(root, count):
        whole, parts, bursts = compared(waveform)
        said.append((key.split("/")[0], text, plain(whole), plain(parts)))
        if plain(whole) != plain(parts):
            print(f"{key}, {bursts} bursts\n  {whole}\n  {parts}", flush=True)
    print(f"{'':18} {'clips':>5} {'CER whole':>10} {'in pieces':>10}")
    for name in (*CORPORA, ""):
        _, texts, whole, parts = zip(*(each for each in said if name in ("", each[0])), strict=True)
        both = jiwer.cer(list(texts), list(whole)), jiwer.cer(list(texts), list(parts))
        print(f"{name or 'all':18} {len(texts):5} {both[0]:10.4f} {both[1]:10.4f}")
    return both


class Latency(NamedTuple):
    """Seconds."""

    words: list[float]  # from the end of each word to the first result that has it
    text_there: float  # from the end of the utterance, as it is cut, to the first result with all words, less air time
    final: float  # the same to the utterance's last result, which may have speech with it
    text: str
    results: int


def words(waveform: np.ndarray, text: str, audio_address: str, result_address: str, whole: bool = False) -> Latency:
    """Speak float32 [n] at 16 kHz at its own pace into a running flowgraph, and watch the text come.

    When a word of `text` ended CTC's alignment with the whole recording tells.
    """
    heard = stream(waveform)
    spoken = hold(Read(text.split(), np.zeros(len(text.split()))), Encoder(reader=CTC).framewise.features(heard))
    context = zmq.Context()
    sender = Sender(context, audio_address)
    reader = ResultReader(context, result_address, session=sender.session)
    try:
        sender.wait_for_peer()
        reader.wait_for_peer(10.0)
        segmenter, seen, ended = Segmenter(partial_s=0.0 if whole else PARTIAL_S), [], 0.0
        begun, k = time.monotonic(), 0
        while not seen or seen[-1][1].partial:
            due = begun + (k + 1) * BLOCK / SAMPLE_RATE
            message = reader.read(max(0.0, due - time.monotonic()))
            if message is not None:
                seen.append((time.monotonic() - begun, message.result))
                continue
            if time.monotonic() - begun > len(heard) / SAMPLE_RATE + PATIENCE_S:
                raise SystemExit(f"no result in {PATIENCE_S:g} s")
            for samples, complete in segmenter.steps(heard[k * BLOCK : (k + 1) * BLOCK]):
                reader.expect(sender.send(samples, complete))
                ended = (k + 1) * BLOCK / SAMPLE_RATE - REST_S if complete else ended
            k += 1
    finally:
        context.destroy(linger=0)
    at = _appearances(text.split(), [(when, plain(result.text).split()) for when, result in seen])
    took = [when - HOP / SAMPLE_RATE * last for when, last in zip(at, spoken.last, strict=True) if when is not None]
    when, final = seen[-1]
    all_words = max((each for each in at if each is not None), default=when)
    ended += (final.air_s or 0.0) / (final.n_bursts or 1)
    return Latency(took, all_words - ended, when - ended, final.text, len(seen))


def _appearances(said: list[str], seen: list[tuple[float, list[str]]]) -> list[float | None]:
    """When the first text came that has each word of `said`, in its place in the last text; None if that lacks it."""
    found: list[float | None] = [None] * len(said)
    final = seen[-1][1]
    for block in SequenceMatcher(None, said, final, autojunk=False).get_matching_blocks():
        for k in range(block.size):
            found[block.a + k] = next(when for when, text in seen if len(text) > block.b + k)
    return found


def report(took: list[Latency]) -> None:
    """Print what `words` found."""
    each = np.concatenate([one.words for one in took])
    print(f"{len(took)} utterances, {len(each)} words, {sum(one.results for one in took)} results")
    print(f"a word after it was spoken: median {np.median(each):.2f} s, 90 % within {np.percentile(each, 90):.2f} s")
    for name, found in ("all words", [one.text_there for one in took]), ("last result", [one.final for one in took]):
        print(f"{name} after the end, less air time: median {np.median(found):.2f} s, at most {max(found):.2f} s")
    print(f"the end is {LEAD_S} s behind the last sound")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("errors", "words"))
    parser.add_argument("corpora", type=Path, help="folder with " + ", ".join(CORPORA))
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"of each corpus ({CLIPS})")
    parser.add_argument("--reader", default=AUTO, help="errors: who reads (auto)")
    parser.add_argument("--whole", action="store_true", help="words: utterances in one piece, to compare")
    parser.add_argument("--audio-address", default=AUDIO_ADDRESS, help="words: of `deepsc flowgraph run modem_sim`")
    parser.add_argument("--result-address", default=RESULT_ADDRESS)
    args = parser.parse_args()
    if args.what == "errors":
        errors(args.corpora, args.clips, args.reader)
    else:
        where = args.audio_address, args.result_address
        report([words(speech, text, *where, args.whole) for _, speech, text in clips(args.corpora, args.clips)])


if __name__ == "__main__":
    main()
