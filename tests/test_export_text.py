"""The text transformer: masks, power, causality, ONNX parity, what its training texts look like."""

import math

import jiwer
import numpy as np
import pytest
import torch
from deepsc_export.deepsc_text.export import export
from deepsc_export.deepsc_text.model import (
    CHARACTERS,
    LONGEST,
    START,
    SYMBOLS,
    TextDims,
    TextTransformer,
    spelling_loss,
)
from deepsc_export.deepsc_text.texts import batches, misspell, padded, vary
from deepsc_export.deepsc_text.train import across, received

from gr_deepsc.session import open_session

TEXTS = ["it was not a large lake", "the various wards were all about eleven feet in height"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return TextTransformer(TextDims()).eval()


def test_padding_does_not_leak(model):
    """Each text of a batch is sent and spelled as it is alone; its symbols have unit power."""
    tokens, counts = padded(TEXTS)
    with torch.inference_mode():
        symbols = model.send(tokens, counts)
        prefix = torch.nn.functional.pad(tokens, (1, 0), value=START)[:, :-1]
        ones = torch.ones(symbols.shape[:2])
        logits = model.spell(prefix, model.hear(symbols, ones), counts)
        for row, n in enumerate(counts.tolist()):
            alone = model.send(tokens[row : row + 1, :n])
            assert alone.square().sum(2).mean().item() == pytest.approx(1, abs=1e-5)
            torch.testing.assert_close(symbols[row, : n * SYMBOLS], alone[0], atol=1e-5, rtol=0)
            assert not symbols[row, n * SYMBOLS :].any()
            heard = model.hear(alone, torch.ones(1, n * SYMBOLS))
            spelled = model.spell(prefix[row : row + 1, :n], heard)[0]
            torch.testing.assert_close(logits[row, :n], spelled, atol=1e-5, rtol=0)


def test_no_character_sees_later_ones(model):
    tokens, _ = padded(TEXTS[:1])
    changed = tokens.clone()
    changed[0, 10] = (changed[0, 10] + 1) % CHARACTERS
    with torch.inference_mode():
        memory = torch.randn(1, tokens.shape[1], model.dims.width)
        first, second = model.spell(tokens, memory), model.spell(changed, memory)
    torch.testing.assert_close(first[:, :10], second[:, :10], atol=1e-6, rtol=0)
    assert (first[:, 10:] - second[:, 10:]).abs().amax() > 1e-3


def test_it_learns():
    """From chance, some ln 28 nats a character, to a tenth of that on two sentences; it spells the most of them."""
    torch.manual_seed(1)
    learner = TextTransformer(TextDims(width=64, heads=4, layers=1))
    optimiser = torch.optim.AdamW(learner.parameters(), 3e-3)
    tokens, counts = padded(TEXTS)
    losses = []
    for _ in range(120):
        prefix = torch.nn.functional.pad(tokens, (1, 0), value=START)[:, :-1]
        logits = learner.spell(prefix, across(learner, tokens, counts, "awgn", 12.0), counts)
        losses.append(spelling_loss(logits, tokens, counts))
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert math.log(CHARACTERS) * 0.8 < losses[0].item() < math.log(CHARACTERS) * 1.4
    assert losses[-1].item() < math.log(CHARACTERS) / 10
    assert jiwer.cer(TEXTS, received(learner.eval(), TEXTS, "awgn", 20.0)) < 0.5  # chance: 0.9


def test_the_graphs_do_what_torch_does(model, tmp_path):
    """Over four lengths, the speller character by character; a text of `LONGEST` is the longest."""
    assert export(model, tmp_path, "none") < 1e-4
    assert {path.stem for path in tmp_path.iterdir()} == {"sender", "memory", "speller"}
    tokens, _ = padded(TEXTS[1:])
    with torch.inference_mode():
        symbols = model.send(tokens).numpy()
    (stored,) = open_session(tmp_path / "sender.onnx").run(None, {"tokens": tokens.numpy()})
    error = np.sqrt(np.mean((stored - symbols) ** 2) / np.mean(symbols**2))
    # rounding to 8 bits is 1 / (127 sqrt(12)) = 0.002 of a column's largest weight, in each of some ten layers
    assert 1e-4 < error < 0.03


def test_texts():
    """Errors at the rate asked for, +- 4 standard deviations; every text is of the alphabet and not too long."""
    rng = np.random.default_rng(0)
    text = "x" * 30_000
    lost = misspell(text, 0.3, rng)
    assert abs(lost.count("x") / 30_000 - (1 - 0.2 + 0.1 + 0.1 / 28)) < 4 * math.sqrt(0.3 / 30_000)
    varied = [vary(sentence, rng) for sentence in TEXTS * 200] + [vary("y" * 999, rng) for _ in range(50)]
    assert all(len(text) <= LONGEST and set(text) <= set(" abcdefghijklmnopqrstuvwxyz'") for text in varied)
    assert len(set(varied)) > 200
    group = next(batches(TEXTS * 100, 600, rng))
    assert len(group) * max(map(len, group)) <= 600
