"""The codec with context in training: its lessons, its masks, its power, and that it learns."""

import jiwer
import numpy as np
import pytest
import torch
from deepsc_export.contextual.export import export
from deepsc_export.contextual.model import MOST, SYMBOLS, ContextualCodec, ContextualDims
from deepsc_export.contextual.spikes import Bank, Lesson, align, batches
from deepsc_export.contextual.train import across, estimated, stack, train
from deepsc_export.layers.channel import mmse, transmit
from deepsc_export.onnx_files.weights import read_graph
from deepsc_export.recogniser.features import Features
from deepsc_export.training.run import Plan
from torch.nn import functional as F

from gr_deepsc.codec.rates import RATES
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.phy.frame import STRENGTH
from gr_deepsc.text import ALPHABET, BLANK, TOKENS, encode

SMALL = ContextualDims(sender=32, receiver=48, units=32)
TEXTS = ["it was not a large lake", "the various wards were all about eleven feet in height"]


def said(text: str) -> np.ndarray:
    """Spikes of a recogniser that is nearly sure of a text."""
    return (0.97 * np.eye(TOKENS)[encode(text)] + 0.03 / TOKENS).astype(np.float16)


def lesson(text: str) -> Lesson:
    return Lesson(said(text), align(said(text), text))


def spelt(lesson: Lesson) -> tuple[str, str]:
    """What was emitted, and what is to be read."""
    letters = [ALPHABET[i] for i in lesson.spikes[:, :BLANK].argmax(1)]
    return "".join(letters), "".join(ALPHABET[t] for t in lesson.tokens.ravel() if t != BLANK)


@pytest.fixture(scope="module")
def codec() -> ContextualCodec:
    torch.manual_seed(0)
    return ContextualCodec(ContextualDims()).eval()


@pytest.mark.parametrize(
    ("emitted", "text"),
    [("hello", "hello"), ("helo", "hello"), ("hxllo", "hello"), ("heello", "hello"), ("smal bok", "small book")],
)
def test_lessons_read_the_truth(emitted, text):
    """Whatever the recogniser wrote, the two tokens a spike spell what was said: one letter is lost a gap."""
    assert spelt(Lesson(said(emitted), align(said(emitted), text))) == (emitted, text)


def test_of_several_that_are_missing_the_first_is_kept():
    assert spelt(Lesson(said("he"), align(said("he"), "hello")))[1] == "hel"


def test_a_text_is_spoken_as_the_recogniser_would():
    """Of a recogniser that says k for c in a third and leaves e out in a half: so does what is made of a text."""
    pairs = [("cat", "cat"), ("cat", "cat"), ("kat", "cat"), ("met", "met"), ("mt", "met")]
    spoken = [Lesson(said(emitted), align(said(emitted), text)) for emitted, text in pairs]
    bank, rng = Bank.of(spoken), np.random.default_rng(0)
    made = [spelt(bank.speak("cet", rng)) for _ in range(4000)]
    assert {read for _, read in made} == {"cet"}
    emitted = [text for text, _ in made]
    # a text errs with a probability uniform in 0..1, so one in two letters is drawn from all that was emitted
    assert np.mean([t[0] == "k" for t in emitted]) == pytest.approx(1 / 6, abs=0.02)
    assert np.mean(["e" not in t for t in emitted]) == pytest.approx(1 / 4, abs=0.03)


def test_batches_mix_speech_and_texts():
    rng = np.random.default_rng(1)
    spoken = [lesson("cat met a cat"), lesson("a mat")]
    source = batches(spoken, ["met a mat at a tea time"], 300, rng)
    found = [each for _ in range(200) for each in next(source)]
    ends = [int(np.argmax(np.append(each.tokens[:, 0], BLANK) == BLANK)) for each in found]
    blanks = [len(each.tokens) - end for each, end in zip(found, ends, strict=True)]
    assert set(blanks) == {0, 1, 2}
    said = [each.spikes[:end] for each, end in zip(found, ends, strict=True)]
    real = np.mean([any(np.array_equal(each, s.spikes) for s in spoken) for each in said])
    assert 0.2 < real < 0.4 and all(len(each.spikes) == len(each.tokens) > 0 for each in found)


def test_padding_does_not_leak(codec):
    """Each row is sent and read as it is alone."""
    spikes, _, counts = stack([lesson(text) for text in TEXTS])
    rate = torch.tensor(1)
    with torch.inference_mode():
        sent = codec.encoder(spikes, rate, counts)
        logits = codec.decoder(sent, torch.ones(sent.shape[:3]), rate, counts)
        for row, n in enumerate(counts.tolist()):
            alone = codec.encoder(spikes[row : row + 1, :n], rate)
            torch.testing.assert_close(sent[row, :n], alone[0], atol=1e-5, rtol=0)
            assert not sent[row, n:].any()
            read = codec.decoder(alone, torch.ones(1, n, MOST), rate)
            torch.testing.assert_close(logits[row, : 2 * n], read[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("rate", range(len(RATES)))
def test_power(codec, rate):
    """Mean energy 1; peaks not far above the preamble's, even untrained; nothing beyond the rate's symbols."""
    spikes, _, counts = stack([lesson(text) for text in TEXTS])
    with torch.inference_mode():
        sent = codec.encoder(spikes, torch.tensor(rate), counts)
    energy, k = sent.square().sum(3), int(SYMBOLS[rate])
    assert energy.sum((1, 2)) / (k * counts) == pytest.approx([1, 1], abs=1e-4)
    assert energy.max() < 1.6 * STRENGTH and not energy[:, :, k:].any()


def test_estimated_coefficients():
    """Known by energy E, it is off by N0 / E: z = rho x + noise of variance rho (1 - rho) holds on average."""
    torch.manual_seed(2)
    x = torch.exp(2j * torch.pi * torch.rand(400, 256))
    received = estimated(transmit(x, "rayleigh", 0.0, block=64), 64)
    z, rho = mmse(received)
    error = float((z - rho * x).abs().square().mean() / (rho * (1 - rho)).mean())
    assert error == pytest.approx(1, abs=0.1)


def test_it_learns():
    """From chance, ln 29 nats for a letter and for a gap, to a quarter of that on two sentences."""
    torch.manual_seed(1)
    learner = ContextualCodec(SMALL)
    optimiser = torch.optim.AdamW(learner.parameters(), 1e-2)
    spikes, tokens, counts = stack([lesson(text) for text in TEXTS])
    losses = []
    for _ in range(60):
        logits = across(learner, spikes, counts, 0, "rician", 8.0)
        losses.append(F.cross_entropy(logits.flatten(0, 1), tokens.flatten()))
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[0].item() == pytest.approx(np.log(TOKENS), abs=0.3)
    assert losses[-1].item() < np.log(TOKENS) / 4
    with torch.inference_mode():
        rows = across(learner, spikes, counts, 0, "awgn", 20.0).numpy()
    texts = [greedy(row[: 2 * n])[0] for row, n in zip(rows, counts.tolist(), strict=True)]
    assert jiwer.cer(TEXTS, texts) < 0.6  # chance: 0.9


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    """Where it was, from its folder; exported, ONNX computes the same and keeps the weights to half a step of 127."""
    monkeypatch.setattr("deepsc_export.contextual.train.VALIDATE", ((520, "awgn", 20.0),))
    spoken = [lesson(text) for text in TEXTS]
    valid = Features([each.spikes for each in spoken], TEXTS)
    train(Plan(tmp_path, (5, "steps")), spoken, TEXTS, valid, dims=SMALL)
    trained = train(Plan(tmp_path, (8, "steps")), spoken, TEXTS, valid, dims=SMALL)
    log = [row.split(",") for row in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    assert [int(row[2]) for row in log] == [5, 8] and float(log[1][0]) >= float(log[0][0])
    assert max(export(trained, tmp_path / "onnx", "two sentences").values()) < 1e-4
    stored = read_graph(tmp_path / "onnx" / "encoder.onnx")
    for key, value in trained.encoder.state_dict().items():
        assert (stored[key] - value).abs().max() <= 0.004 * value.abs().max() + 1e-7


def test_no_loss_where_nothing_is():
    """Tokens beyond a row's end do not count."""
    _, tokens, counts = stack([lesson(text) for text in TEXTS])
    assert (tokens[0, counts[0] :] == -100).all() and (tokens[1] != -100).all()
    logits = torch.zeros(*tokens.shape, TOKENS)
    assert F.cross_entropy(logits.flatten(0, 2), tokens.flatten()).item() == pytest.approx(np.log(TOKENS))
