"""Error rates over a set of texts, by jiwer."""

from collections.abc import Sequence

import jiwer


def error_rates(truths: Sequence[str], texts: Sequence[str]) -> tuple[float, float]:
    """Character and word error rate: edits over the whole set divided by its characters or words."""
    return jiwer.cer(list(truths), list(texts)), jiwer.wer(list(truths), list(texts))
