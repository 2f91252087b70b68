"""What Whisper's decoder reads, and that nobody is sent a sentence that nobody said."""

from pathlib import Path

import jiwer
import numpy as np
import onnx
import pytest
from deepsc_export.sureness import area, evidence, fit, words_right
from deepsc_host.files.transcripts import read_transcripts
from onnx import helper
from sounds import sounds

from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.ctc.confidence import DOUBTFUL
from gr_deepsc.english import plain
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.reader.check import check
from gr_deepsc.reader.checked import CheckedReader
from gr_deepsc.reader.said import SILENCE, joined, words
from gr_deepsc.reader.whisper import SHIPPED, TOKENS_MORE, TOKENS_PER_SECOND, Read, Reader
from gr_deepsc.session import ContractError
from gr_deepsc.speech import audio
from gr_deepsc.text import ALPHABET, WRITTEN

FOLDER = Path(__file__).parent / "samples"
TRUTHS = read_transcripts(FOLDER / "transcripts.csv")
SOUNDS = sounds(20)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def checked() -> CheckedReader:
    return CheckedReader()


@pytest.fixture(scope="module")
def recogniser() -> FramewiseEncoder:
    return FramewiseEncoder("default")


@pytest.fixture(scope="module")
def waveforms() -> dict[str, np.ndarray]:
    return {name: audio.check(*audio.read(FOLDER / f"{name}.flac")) for name in TRUTHS}


@pytest.mark.parametrize("beam", [1, 5])
def test_recordings(waveforms, beam):
    """Nearly every letter, with capitals and full stops: sentences."""
    reader = Reader(beam=beam)
    texts = {name: reader(waveform).text for name, waveform in waveforms.items()}
    print(texts)
    assert jiwer.cer(list(TRUTHS.values()), [plain(texts[name]) for name in TRUTHS]) <= 0.03
    for text in texts.values():
        assert set(text) <= set(WRITTEN) and "  " not in text and text == text.strip()
        assert text[0].isupper() and text[-1] == "."


def test_silence_behind_changes_nothing(waveforms, reader):
    waveform = waveforms["LJ002-0004"]
    text = reader(waveform).text
    for seconds in (0.3, 2.0):
        assert reader(np.pad(waveform, (0, round(seconds * SAMPLE_RATE)))).text == text


@pytest.mark.parametrize("name", SOUNDS)
def test_no_invention(checked, recogniser, name):
    """Where nobody speaks nothing is sent, or what no receiver takes for sure."""
    said = checked(SOUNDS[name], recogniser.features(SOUNDS[name]))
    print(name, said)
    assert np.all(words(said) < DOUBTFUL)
    assert len(said.text) < 20  # letters in 20 s


def test_the_decoder_alone_would_invent(reader):
    """So that the test above is known to test something."""
    assert any(reader(SOUNDS[name]).words for name in SOUNDS)


def test_the_same_word_forty_times(waveforms, reader, checked, recogniser):
    """Ends in bounded time, and sends nothing that CTC does not hear."""
    word = waveforms["arctic_a0209"][round(0.9 * SAMPLE_RATE) : round(1.5 * SAMPLE_RATE)]
    waveform = np.tile(word, 40)
    read = reader(waveform)
    assert len(read.words) <= TOKENS_PER_SECOND * len(waveform) / SAMPLE_RATE + TOKENS_MORE
    said = checked(waveform, recogniser.features(waveform))
    print(read.text, said.text, sep="\n")
    assert len(said.text) < 0.03 * len(waveform) / SAMPLE_RATE * 1000  # 30 letters a second: nobody speaks faster


def test_what_both_hear_stays(waveforms, reader, recogniser):
    for waveform in waveforms.values():
        read = reader(waveform)
        said = check(read, recogniser.features(waveform))
        assert said.text == read.text and len(said.sure) == len(said.text)
        assert np.mean(words(said)) > 0.8


def certain(text: str) -> Read:
    """A decoder that is as sure as can be."""
    return Read(text.split(), np.zeros(len(text.split())))


def test_another_sentence_is_not_sent(waveforms, recogniser):
    """The decoder is sure of a sentence that nobody said: what CTC heard is sent, and marked."""
    features = recogniser.features(waveforms["LJ002-0045"])
    said = check(certain("I'm not sure if I can see you in the next video."), features)
    assert "video" not in said.text and np.all(words(said) < DOUBTFUL)
    assert jiwer.cer(TRUTHS["LJ002-0045"], said.text) < 0.15
    assert check(certain("so many words " * 40), features).text == said.text  # more letters than frames


def test_a_sentence_invented_behind_speech(waveforms, recogniser):
    """Ten seconds of hum, of which the decoder makes a sentence: speech before it is sent, as sure as it was."""
    waveform, text = waveforms["LJ002-0045"], "The various wards were all about eleven feet in height."
    alone = check(certain(text), recogniser.features(waveform))
    hum = np.concatenate((waveform, SOUNDS["hum"][: 10 * SAMPLE_RATE]))
    said = check(
        certain(f"{text} Thank you very much for watching. See you next time. Goodbye and thank you all."),
        recogniser.features(hum),
    )
    assert alone.text == text == said.text
    assert np.mean(words(said)) > 0.6


def test_what_the_decoder_leaves_out(waveforms, recogniser):
    """It ends in the middle, with a letter that is not said again: the rest is sent as CTC heard it, and not sure."""
    features = recogniser.features(waveforms["LJ002-0045"])
    said = check(certain("The various wards"), features)
    assert said.text.startswith("The various wards ")
    rest = said.text.removeprefix("The various wards ")
    assert jiwer.cer("were all about eleven feet in height", rest) < 0.15
    assert np.all(words(said)[3:] < DOUBTFUL)


def test_nothing_read_nothing_heard(recogniser):
    assert check(certain(""), recogniser.features(SOUNDS["silence"])) == SILENCE
    assert joined([]) == SILENCE


def test_another_language(waveforms, checked, recogniser):
    """Recordings played backwards, which have all sounds of speech and no English, as ten seconds in one piece: of what
    the decoder and CTC make of it nothing is sent."""
    backwards = np.concatenate([waveform[::-1] for waveform in waveforms.values()])[: 10 * SAMPLE_RATE]
    assert checked(backwards, recogniser.features(backwards)) == SILENCE


def test_longer_than_the_window(waveforms, checked, recogniser):
    """38 s: cut at pauses, every word once."""
    pause = np.zeros(round(0.4 * SAMPLE_RATE), np.float32)
    order = list(TRUTHS) * 3
    waveform = np.concatenate([part for name in order for part in (waveforms[name], pause)])
    assert len(waveform) > 30 * SAMPLE_RATE
    said = checked(waveform, recogniser.features(waveform))
    assert jiwer.cer(" ".join(TRUTHS[name] for name in order), plain(said.text)) <= 0.04
    assert "  " not in said.text and len(said.sure) == len(said.text)


def test_who_reads(fixture_model, waveforms, recogniser):
    """The default model whisper, others CTC, and either may be asked for."""
    assert [Encoder(model).reader for model in ("default", "compact", fixture_model)] == ["whisper", "ctc", "ctc"]
    with pytest.raises(ValueError, match="a reader 'eye' is none of auto, whisper, whisper-greedy, ctc"):
        Encoder("default", reader="eye")
    waveform = waveforms["LJ002-0045"]
    features = recogniser.features(waveform)
    read = Encoder("default").spell(waveform, features)
    assert read.text[0] == "T" and read.text[-1] == "."
    heard = Encoder("default", reader="ctc").spell(waveform, features)
    assert set(heard.text) <= set(ALPHABET) and jiwer.cer(plain(read.text), heard.text) < 0.15
    assert len(heard.sure) == len(heard.text) and 0.9 < np.median(heard.sure) <= 1
    assert Encoder("compact", reader="whisper").spell(waveform, features).text == read.text


def test_refused(tmp_path, reader):
    with pytest.raises(ValueError, match="a beam of 0 texts"):
        Reader(beam=0)
    with pytest.raises(ValueError, match="a margin of 40 s"):
        Reader(margin_s=40)
    for samples in (0, reader.longest + 1):
        with pytest.raises(ValueError, match=f"{samples} samples to read at once"):
            reader(np.zeros(samples, np.float32))
    with pytest.raises(FileNotFoundError, match="no model file"):
        Reader(tmp_path)


def test_other_tokens(tmp_path):
    """A decoder without the marks that begin and end a text is no reader."""
    (tmp_path / "encoder.onnx").write_bytes((SHIPPED / "encoder.onnx").read_bytes())
    model = onnx.load(SHIPPED / "decoder.onnx")
    known = {prop.key: prop.value for prop in model.metadata_props}
    for tokens, what in (('["a"]', "cannot be read"), ("7", "not iterable")):
        helper.set_model_props(model, known | {"tokens": tokens})
        onnx.save(model, tmp_path / "decoder.onnx")
        with pytest.raises(ContractError, match=what):
            Reader(tmp_path)
    helper.set_model_props(model, known | {"alphabet": "abc"})
    onnx.save(model, tmp_path / "decoder.onnx")
    with pytest.raises(ContractError, match="its alphabet is 'abc'"):
        Reader(tmp_path)


def test_the_fit_of_the_weights(waveforms, reader, recogniser):
    """Right words are told from those of another sentence: by hand, three clips and what the others said."""
    names = list(TRUTHS)
    features = {name: recogniser.features(waveforms[name]) for name in names}
    right = [evidence(reader(waveforms[name]), features[name], TRUTHS[name]) for name in names]
    wrong = [evidence(certain(TRUTHS[a]), features[b], "") for a, b in zip(names, names[1:] + names[:1], strict=True)]
    weights, weighed, truth = fit([*right, *wrong, None])
    assert len(truth) > 40 and area(weighed @ weights, truth) > 0.95
    assert [each.tolist() for each in (truth[:3], truth[-3:])] == [[True] * 3, [False] * 3]
    assert words_right(certain("Twelve 12, men."), "twelve twelve man").tolist() == [True, True, False]
