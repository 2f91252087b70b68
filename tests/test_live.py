"""Speech that is read while it goes on: the pieces make the text of the whole, and no word is cut."""

import os
from pathlib import Path

import numpy as np
import pytest
import zmq
from deepsc_bench import latency
from deepsc_host.link.results import ResultReader
from deepsc_host.link.sender import Sender
from host_process import flowgraph
from hosts import free_addresses

from gr_deepsc.codec.decode import Decoder
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.live import Live, Piece
from gr_deepsc.speech import audio

SAMPLES = Path(__file__).parent / "samples"
TEXT = "the various wards were all about eleven feet in height"
TEN = 5 * "first words then more " + "end"
OTHER = "the new jail fell as far short of the demands made on it as did the old"


def waveform(name: str = "LJ002-0045") -> np.ndarray:
    return audio.check(*audio.read(SAMPLES / f"{name}.flac"))


def read(decoder: Decoder, piece: Piece) -> str:
    symbols = piece.encoded.symbols
    return decoder(symbols, np.ones(len(symbols), np.float32), piece.encoded.codec).text


def test_pieces_make_the_whole():
    """With the shipped reader; at the paper's rate, which has no words, nothing is sent before the end."""
    whole, pieces, bursts = latency.Compared()(waveform())
    assert pieces == whole == "The various wards were all about eleven feet in height."
    assert bursts >= 3  # 3.4 s of speech, the first words after 1.5 to 3 s


def test_words_wait_until_they_are_settled(fixture_model, speak):
    """A word that has just ended, or is in doubt, waits; what was sent is not sent again."""
    encoder, decoder, speech = (Encoder(str(fixture_model), reader="ctc"), Decoder(), speak(TEN))
    live, sent = Live(encoder), []
    for end in (*range(16_000, len(speech), 4000), len(speech)):
        piece = live(("a",), speech[:end], False)
        if piece:
            sent.append((piece.part, read(decoder, piece)))
    last = live(("a",), np.pad(speech, (0, 16_000)), True)
    sent.append((last.part, read(decoder, last)))
    assert [part for part, _ in sent] == list(range(len(sent)))
    assert " ".join(piece for _, piece in sent if piece) == TEN and len(sent) > 2
    whole = live(("a",), speech, True)
    assert whole.part is None and np.array_equal(whole.encoded.symbols, encoder(speech).symbols)


def test_the_papers_rate_waits_for_the_whole(fixture_model, speak):
    """It sends frames, which have no words to be cut at."""
    encoder, speech = Encoder(str(fixture_model), "paper"), speak("first words then more")
    live = Live(encoder)
    assert live(("a",), speech[:20_000], False) is None
    assert live(("a",), speech, True).part is None


def test_over_a_flowgraph_and_sockets():
    """What was said so far is read while the utterance goes on; then the rest, under the same number."""
    audio_address, result_address = free_addresses()
    context = zmq.Context()
    with flowgraph("modem_sim", "default", audio_address, result_address, "--es-n0-db", "20"):
        sender = Sender(context, audio_address)
        reader = ResultReader(context, result_address, session=sender.session)
        reader.wait_for_peer(20)
        results, speech = [], waveform()
        for end in (40_000, len(speech)):
            reader.expect(sender.send(speech[:end], whole=end == len(speech)))
            results.append(reader.read(60).result)
        results.append(reader.read(60).result)
    context.destroy(linger=0)
    so_far, unspoken, whole = results
    assert [(result.partial, result.seq) for result in results] == [(True, 0), (True, 0), (False, 0)]
    assert unspoken.text == whole.text and unspoken.speech_rate is None
    assert so_far.text and whole.text.startswith(so_far.text) and whole.text_plain == TEXT
    assert (whole.n_bursts, whole.bursts_missing, whole.session) == (2, 0, sender.session)


@pytest.mark.slow
def test_words_come_soon():
    """At its own pace: a word 2.5 s after it was spoken, all of them 0.8 s after the utterance."""
    where = free_addresses()
    with flowgraph("modem_sim", "default", *where, "--es-n0-db", "20"):
        texts = {
            "LJ002-0045": TEXT,
            "LJ002-0004": "the new jail fell as far short of the demands made on it as did the old",
        }
        found = [latency.words(waveform(name), text, *where) for name, text in texts.items() for _ in range(2)]
    latency.report(found)
    assert np.median(np.concatenate([one.words for one in found])) <= 2.5
    assert np.median([one.text_there for one in found]) <= 0.8


@pytest.mark.slow
def test_no_more_errors_than_in_one_piece():
    """CER of 60 test clips in pieces at most 0.005 more than in one piece."""
    if "DEEPSC_CORPORA" not in os.environ:
        pytest.skip("DEEPSC_CORPORA names no folder with corpora")
    whole, pieces = latency.errors(Path(os.environ["DEEPSC_CORPORA"]))
    assert pieces <= whole + 0.005
