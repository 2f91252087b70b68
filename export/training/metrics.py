"""Texts out of logits, and error rates over a set of texts, by jiwer."""

from collections.abc import Sequence

import jiwer
from torch import Tensor

from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.english import plain


def greedy_texts(logits: Tensor, counts: Tensor) -> list[str]:
    """What is read in logits [batch, steps, 29], of which each row has so many steps: int64 [batch]."""
    rows = logits.log_softmax(-1).cpu().numpy()
    return [greedy(row[:count])[0] for row, count in zip(rows, counts.tolist(), strict=True)]


def error_rates(truths: Sequence[str], texts: Sequence[str]) -> tuple[float, float]:
    """Character and word error rate of the texts as they are spoken: edits of the whole set over its length."""
    said, read = list(map(plain, truths)), list(map(plain, texts))
    return jiwer.cer(said, read), jiwer.wer(said, read)
