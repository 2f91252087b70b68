"""The codec with context in training: its lessons, its masks, its power, and that it learns."""

import jiwer
import numpy as np
import pytest
import torch
from deepsc_export.contextual.export import export
from deepsc_export.contextual.lessons import LEAST, batches, passage, said
from deepsc_export.contextual.model import MOST, SYMBOLS, ContextualCodec, ContextualDims
from deepsc_export.contextual.train import across, distance, estimated, stack, texts_in, train
from deepsc_export.layers.channel import mmse, transmit
from deepsc_export.onnx_files.weights import read_graph
from deepsc_export.training.run import Plan

from gr_deepsc.codec.letters import letters
from gr_deepsc.codec.rates import RATES
from gr_deepsc.phy.frame import STRENGTH
from gr_deepsc.reader.said import Said
from gr_deepsc.text import ALPHABET, NOTHING, WRITTEN, WRITTEN_TOKENS

SMALL = ContextualDims(sender=32, receiver=48, units=32)
TEXTS = ["It was not a large lake.", "The various wards were all about eleven feet in height."]


def sure(text: str) -> np.ndarray:
    return letters(Said(text, np.ones(len(text), np.float32)))


@pytest.fixture(scope="module")
def codec() -> ContextualCodec:
    torch.manual_seed(0)
    return ContextualCodec(ContextualDims()).eval()


def test_passages():
    """Seven in ten are one sentence, the others two or three that follow each other; some of them cut, some plain."""
    sentences = [f"This is sentence {word}, is it?" for word in ("one", "two", "three", "four", "five")]
    rng = np.random.default_rng(0)
    found = [passage(sentences, rng) for _ in range(2000)]
    assert all(0 < len(text) <= 450 for text in found)
    assert np.mean([word not in " ".join(sentences) for t in found for word in t.split()]) < 0.2
    whole = [text for text in found if text[0] == "T" and text[-1] == "?"]
    several = np.mean([text.count("?") > 1 for text in whole])
    assert several == pytest.approx(0.3 * 4 / 5, abs=0.08)  # the last one has none behind it
    assert np.mean([set(text) <= set(ALPHABET) for text in found]) == pytest.approx(0.15, abs=0.06)


def test_sureness():
    """A word's characters are equally sure; three words in twenty are doubted, by 0.22 on average."""
    rng, text = np.random.default_rng(1), "one two three"
    drawn = np.array([said(text, rng).sure for _ in range(4000)])
    assert (drawn[:, :3] == drawn[:, :1]).all() and (drawn[:, 4:7] == drawn[:, 4:5]).all()
    words = drawn[:, [0, 4, 8]]
    assert words.min() >= LEAST - 1e-6 and words.max() <= 1
    assert np.mean(words < 0.98) == pytest.approx(0.15 * 0.95, abs=0.01)


def test_batches_end_in_nothing():
    """None, one or two places behind the text say nothing: a burst's frames may have room for more."""
    source = batches(["met a mat at a tea time"], 300, np.random.default_rng(1))
    found = [each for _ in range(100) for each in next(source)]
    behind = [int((each[::-1, NOTHING] < 1).argmax()) for each in found]
    assert set(behind) == {0, 1, 2}
    assert all(each.sum(1) == pytest.approx(1, abs=1e-6) for each in found)


def test_padding_does_not_leak(codec):
    """Each row is sent and read as it is alone."""
    sent_texts, counts = stack([sure(text) for text in TEXTS])
    rate = torch.tensor(1)
    with torch.inference_mode():
        sent = codec.encoder(sent_texts, rate, counts)
        logits = codec.decoder(sent, torch.ones(sent.shape[:3]), rate, counts)
        for row, n in enumerate(counts.tolist()):
            alone = codec.encoder(sent_texts[row : row + 1, :n], rate)
            torch.testing.assert_close(sent[row, :n], alone[0], atol=1e-5, rtol=0)
            assert not sent[row, n:].any()
            read = codec.decoder(alone, torch.ones(1, n, MOST), rate)
            torch.testing.assert_close(logits[row, :n], read[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("rate", range(len(RATES)))
def test_power(codec, rate):
    """Mean energy 1; peaks not far above the preamble's, even untrained; nothing beyond the rate's symbols."""
    texts, counts = stack([sure(text) for text in TEXTS])
    with torch.inference_mode():
        sent = codec.encoder(texts, torch.tensor(rate), counts)
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
    """From chance, ln 75 nats a character, to less than a half of that on two sentences."""
    torch.manual_seed(1)
    learner = ContextualCodec(SMALL)
    optimiser = torch.optim.AdamW(learner.parameters(), 1e-2)
    sent, counts = stack([sure(text) for text in TEXTS])
    losses = []
    for _ in range(40):
        losses.append(distance(across(learner, sent, counts, 0, "rician", 8.0), sent, counts))
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[0].item() == pytest.approx(np.log(WRITTEN_TOKENS), abs=0.3)
    assert losses[-1].item() < np.log(WRITTEN_TOKENS) / 2
    with torch.inference_mode():
        texts = texts_in(across(learner, sent, counts, 0, "awgn", 20.0), counts)
    assert jiwer.cer(TEXTS, texts) < 0.6  # chance: 0.9


@pytest.mark.slow
def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    """Where it was, from its folder; exported, ONNX computes the same and keeps the weights to half a step of 127."""
    monkeypatch.setattr("deepsc_export.contextual.train.VALIDATE", ((520, "awgn", 20.0),))
    train(Plan(tmp_path, (5, "steps")), TEXTS, TEXTS, dims=SMALL)
    trained = train(Plan(tmp_path, (8, "steps")), TEXTS, TEXTS, dims=SMALL)
    log = [row.split(",") for row in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    assert [int(row[2]) for row in log] == [5, 8] and float(log[1][0]) >= float(log[0][0])
    assert max(export(trained, tmp_path / "onnx", "two sentences").values()) < 1e-4
    stored = read_graph(tmp_path / "onnx" / "encoder.onnx")
    for key, value in trained.encoder.state_dict().items():
        assert (stored[key] - value).abs().max() <= 0.004 * value.abs().max() + 1e-7


def test_the_least_loss_is_the_senders_doubt():
    """A receiver that is as sure as the sender loses the entropy of his doubt; beyond a row's end nothing counts."""
    rows, counts = stack([letters(Said("ab", np.array([0.75, 1], np.float32))), sure("a")])
    logits = (rows + 1e-9).log()
    logits[1, 1] = 7 * torch.randn(WRITTEN_TOKENS)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert distance(logits, rows, counts).item() == pytest.approx(entropy / 3, abs=1e-5)
    assert texts_in(logits, counts) == ["ab", "a"] and len(WRITTEN) == NOTHING
