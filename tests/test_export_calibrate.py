"""What is fitted on validation splits: words are counted as they should be, the calibration is what made the data."""

import numpy as np
import pytest
from deepsc_export.calibrate import area, calibration_error, fit, right
from deepsc_export.language.model import START, LanguageDims, LanguageModel, Step
from deepsc_export.language.train import batches, nats, padded

from gr_deepsc.text import WRITTEN


def test_the_calibration_is_found():
    """20,000 words that are right with 1 / (1 + exp(-(2 + 0.7 ln p))): slope and offset within 4 standard errors."""
    rng = np.random.default_rng(0)
    log_p = -rng.exponential(3, 20_000)
    share = 1 / (1 + np.exp(-(2 + 0.7 * log_p)))
    correct = rng.random(20_000) < share
    found = fit(log_p, correct)
    weight = share * (1 - share)
    x = np.stack([log_p, np.ones_like(log_p)])
    errors = np.sqrt(np.diag(np.linalg.inv((x * weight) @ x.T)))  # Cramer-Rao
    assert abs(found.slope - 0.7) < 4 * errors[0] and abs(found.offset - 2) < 4 * errors[1]
    assert calibration_error(share, correct) < 0.015 < calibration_error(share**0.3, correct)


@pytest.mark.parametrize(
    ("truth", "text", "found"),
    [
        ("the new jail fell", "the new jal fell", [True, True, False, True]),
        ("the new jail", "new jail the", [True, True, False]),
        ("mister fox had twenty one hens", "Mr. Fox had 21 hens.", [True] * 5),
        ("mister fox had twenty two hens", "Mr. Fox had 21 hens.", [True, True, True, False, True]),
        ("it was so", "", []),
        ("", "it was", [False, False]),
    ],
)
def test_right_words(truth, text, found):
    assert right(truth, text).tolist() == found


def test_the_area_under_the_curve():
    """Pairs of a wrong and a right word in which the wrong one has less confidence; a tie is a half."""
    confidence, correct = np.array([0.9, 0.4, 0.6, 0.6]), np.array([True, False, True, False])
    assert area(confidence, correct) == pytest.approx((1 + 1 + 1 + 0.5) / 4)


def test_language_model_step_by_step():
    """The graph that decoders run says of each character what the whole network says, and probabilities sum to 1."""
    import torch

    torch.manual_seed(0)
    model = LanguageModel(LanguageDims(width=8, units=16)).eval()
    known, wanted = padded(["it was so", "so"])
    assert known[0, 0] == START and known.shape == wanted.shape == (2, 9)
    with torch.inference_mode():
        whole = model(known).log_softmax(-1)
        state = torch.zeros(1, 16)
        for place in range(9):
            one, state = Step(model)(known[:1, place], state)
            torch.testing.assert_close(one[0], whole[0, place], atol=1e-5, rtol=0)
    assert whole.exp().sum(-1).numpy() == pytest.approx(np.ones((2, 9)), abs=1e-5)
    # untrained it knows nothing: ln 74 nats a character, nearly
    assert nats(model, ["it was so", "so"]) == pytest.approx(np.log(len(WRITTEN)), abs=0.2)


def test_language_batches():
    texts = ["it was so", "the new jail fell as far short"]
    source = batches(texts, 60, np.random.default_rng(0))
    found = [text for _ in range(50) for text in next(source)]
    assert set(texts) <= set(found) and all(any(t.endswith(f) for t in texts) for f in found)
