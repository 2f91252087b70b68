"""The shipped codec with context: how much it sends, how evenly, and what comes back at each rate."""

import json
from pathlib import Path

import fixture_models
import jiwer
import numpy as np
import onnx
import pytest

from gr_deepsc.codec import rates
from gr_deepsc.codec.characters import spell
from gr_deepsc.codec.contextual import SHIPPED, ContextualDecoder, ContextualEncoder, frames_for
from gr_deepsc.codec.decode import DecodeError, Decoder
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.framewise import codec_id
from gr_deepsc.codec.letters import letters
from gr_deepsc.codec.rates import CODECS, RATES
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.phy import channel, utterance
from gr_deepsc.phy.equalise import mmse
from gr_deepsc.phy.frame import MAX_FRAMES, deinterleave, interleave
from gr_deepsc.reader.said import Said
from gr_deepsc.session import ContractError
from gr_deepsc.speech import audio
from gr_deepsc.text import WRITTEN_TOKENS

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.flac"))
SENTENCE = "The various wards were all about 11 feet in height, and the same in breadth."


def sure(text: str) -> np.ndarray:
    """What is sent of a text by a reader who is sure of it."""
    return letters(Said(text, np.ones(len(text), np.float32)))


@pytest.fixture(scope="module")
def encoder() -> ContextualEncoder:
    return ContextualEncoder()


@pytest.fixture(scope="module")
def decoder() -> ContextualDecoder:
    return ContextualDecoder()


def across(encoder, decoder, text: str, rate: int, kind: str, es_n0_db: float, seed: int) -> str:
    """A text behind a channel whose state is known, interleaved as in a burst."""
    symbols, codec = encoder(sure(text), rate)
    rng = np.random.default_rng([3, seed])
    received = channel.transmit(interleave(symbols), kind, es_n0_db, rng)
    z, rho = (deinterleave(each) for each in mmse(*received))
    return spell(decoder(z, rho, codec))[0]


@pytest.mark.parametrize("rate", RATES)
def test_what_is_sent(encoder, rate):
    """Whole frames of 20 symbols, as few as the characters need; mean energy 1, no peak above 3.5 dB."""
    for count in (1, 2, 13, len(SENTENCE)):
        symbols, codec = encoder(sure(SENTENCE[:count]), rate)
        assert CODECS[codec] == rate and symbols.dtype == np.complex64
        assert len(symbols) % 20 == 0 and 0 <= len(symbols) - max(count, 1) * RATES[rate] < 20
        energy = np.abs(symbols) ** 2
        assert energy.mean() == pytest.approx(1, abs=1e-4)
        if count > 2:
            assert energy.max() < 10**0.35


@pytest.mark.parametrize("rate", RATES)
def test_no_text(encoder, decoder, rate):
    """Of nothing a single frame is sent, at the rate at which it is too short for a character: nothing is read."""
    symbols, codec = encoder(sure(""), rate)
    assert len(symbols) == 20 < RATES[520] and CODECS[codec] == 520 and np.mean(np.abs(symbols) ** 2) == 1
    assert spell(decoder(symbols, np.ones(20, np.float32), codec))[0] == ""


def test_nominal_rates():
    """At 15.4 characters a second, as in the test splits, there are no more symbols than the rate's name says."""
    assert all(15.4 * k <= rate for rate, k in RATES.items())
    assert all(15.4 * k > 0.9 * rate for rate, k in RATES.items())


def test_bursts_are_equally_long():
    """However many characters: the length of a burst that is missing is known from another one's."""
    for count in range(1, 900):
        for rate in RATES:
            frames = frames_for(count, rate)
            bursts = -(-frames // MAX_FRAMES)
            assert frames % bursts == 0 and frames * 20 >= count * RATES[rate]
            assert frames * 20 - count * RATES[rate] < 20 * bursts


def test_too_long_for_a_rate(encoder):
    """1,400 letters of a minute do not fit at 33 symbols each: they are sent with 16."""
    symbols, codec = encoder(sure("abcd" * 350), 520)
    assert CODECS[codec] == 260 and len(symbols) <= 20 * MAX_FRAMES * utterance.MAX_PARTS
    with pytest.raises(ValueError, match="more than fit into 4 bursts"):
        encoder(sure("abcd" * 1000), 520)
    with pytest.raises(ValueError, match="none of 520, 260, 130"):
        encoder(sure("a"), 500)


@pytest.mark.parametrize(
    ("rate", "kind", "es_n0_db", "most"),
    [
        (520, "awgn", 20, 0.01),
        (260, "awgn", 20, 0.01),
        (130, "awgn", 20, 0.01),
        (520, "awgn", -8, 0.1),
        (260, "awgn", -5, 0.1),
        (130, "awgn", -2, 0.1),
        (520, "rayleigh", -2, 0.05),
        (520, "rician", -2, 0.05),
    ],
)
def test_reads_english(encoder, decoder, rate, kind, es_n0_db, most):
    """What a sure recogniser says comes back. A character is 1.6 bits to who knows English: by Shannon 33 symbols
    carry it at -15 dB, 8 at -8 dB."""
    texts = [across(encoder, decoder, SENTENCE, rate, kind, es_n0_db, seed) for seed in range(10)]
    assert jiwer.cer([SENTENCE] * 10, texts) <= most


@pytest.mark.parametrize("rate", RATES)
def test_names_come_through(encoder, decoder, rate):
    """Context does not overrule what was heard: names and doubled letters that no text in training has."""
    for text in (
        "Mr. Fitzwilliam met Aaron's llama in Zanzibar.",
        "Is it 10:45, Queequeg?",
        "It cost $3.50, or 7% of it.",
    ):
        assert across(encoder, decoder, text, rate, "awgn", 20, 0) == text


def test_noise_is_no_text(encoder, decoder):
    """Symbols of no reliability: nothing is invented that passes for the sentence."""
    symbols, codec = encoder(sure(SENTENCE), 520)
    text, _ = spell(decoder(0 * symbols, np.zeros(len(symbols), np.float32), codec))
    assert jiwer.cer(SENTENCE, text or " ") > 0.5


def test_a_missing_burst_costs_its_own_words(encoder, decoder):
    """A quarter of a minute and more is sent in bursts: without the first, the others' words are where they were."""
    text = " ".join([SENTENCE] * 6)
    symbols, codec = encoder(sure(text), 520)
    parts = -(-len(symbols) // 20 // MAX_FRAMES)
    rho = np.ones(len(symbols), np.float32)
    rho[: len(symbols) // parts] = 0
    read, _ = spell(decoder(rho * symbols, rho, codec))
    rest = text[len(text) * 2 // 5 :]
    assert parts == 3 and jiwer.cer(rest, read[-len(rest) :]) <= 0.03


def test_refuses(decoder):
    symbols, rho = np.ones(20, np.complex64), np.ones(20, np.float32)
    for wrong in ((symbols[:7], rho[:7], 8), (symbols, rho[:5], 8), (symbols[:0], rho[:0], 8), (symbols, rho, 0)):
        with pytest.raises(ValueError):
            decoder(*wrong)
    assert decoder(symbols, rho, 8).shape == (0, WRITTEN_TOKENS)  # too short for a character


def test_files_of_ones_own(tmp_path, fixture_model):
    """Files in the model's folder come first; those of other rates are refused."""
    folder = fixture_models.write(tmp_path)
    model = onnx.load(SHIPPED / "encoder.onnx")
    for entry in model.metadata_props:
        if entry.key == "rates":
            assert json.loads(entry.value) == [list(item) for item in RATES.items()]
            entry.value = "[[520, 36]]"
    onnx.save(model, folder / "encoder.onnx")
    with pytest.raises(ContractError, match="its rates"):
        ContextualEncoder(folder)
    ContextualEncoder(fixture_model)


def test_which_codec():
    """A header's number says who can read the symbols: 8 to 10 are the rates, 0 to 2 the former codec's, a model's own
    codec is one of 4 to 7."""
    decoder = Decoder("default")
    assert decoder.codec == codec_id(decoder.framewise.pair) and 4 <= decoder.codec < 8
    assert len({Decoder(name).codec for name in ("default", "compact")}) == 2
    for codec in set(range(16)) - {0, 1, 2, 8, 9, 10, decoder.codec}:
        with pytest.raises(DecodeError, match="give both ends one model"):
            decoder.check(codec)
    assert rates.of_codec(1) == rates.of_codec(9) == 260 and rates.of_codec(decoder.codec) == 500


def test_a_rate_for_an_es_n0():
    found = [rates.rate_for(snr) for snr in np.arange(-12.0, 20.0)]
    assert found == sorted(found, reverse=True) and set(found) == set(RATES)


@pytest.mark.parametrize("rate", ["520", "260", "130", "paper"])
def test_recordings(rate):
    """Clean, the text is the recogniser's own, give or take what the receiver corrects or worsens."""
    encoder, decoder = Encoder("default"), Decoder("default")
    assert len(SAMPLES) == 3
    for path in SAMPLES:
        waveform = audio.check(*audio.read(path))
        sent = encoder.at_rate(waveform, rate)
        own, _ = greedy(np.log(np.maximum(sent.features, 1e-9)))
        if rate != "paper":
            own = encoder.spell(waveform, sent.features).text
        reading = decoder(sent.symbols, np.ones(len(sent.symbols), np.float32), sent.codec)
        assert jiwer.cer(own, reading.text) <= 0.05
        assert 0.4 < reading.confidence <= 1 and len(reading.words) == len(reading.text.split())
        if rate != "paper":
            assert len(sent.symbols) / RATES[int(rate)] == pytest.approx(len(own), abs=3)


def test_auto_and_wrong_rates():
    waveform = audio.check(*audio.read(SAMPLES[0]))
    assert Encoder("default", "auto", -9.0)(waveform).rate == 520
    assert Encoder("default", "auto", 15.0)(waveform).rate == 130
    with pytest.raises(ValueError, match="none of 520, 260, 130, auto, paper"):
        Encoder("default", "500")
    with pytest.raises(ValueError, match="none of auto, greedy, beam"):
        Decoder("default", decoder="viterbi")
