"""Training the text transformer through the channel: python -m deepsc_export.deepsc_text.train TEXTS..."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import jiwer
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.text import ALPHABET

from .. import checkpoint
from ..data.synthesise import sentences
from ..models.channel import mmse, transmit
from ..timed_run import TimedRun
from ..train_codec import CHANNELS, ES_N0_DB
from .model import START, TextDims, TextTransformer, spelling_loss
from .texts import batches, padded

OUT = Path("work/deepsc-text")
SAVE_EVERY = 5.0  # minutes
WARM_UP = 200  # updates
BATCH = 2_000  # characters: the alignment of text and symbols takes many updates to be found, not large ones
EASY = 0.25  # of the run, in which the least Es/N0 falls to that of `ES_N0_DB`
VALID = 16  # sentences: spelling them takes a second each
VALIDATE = (("awgn", 20.0), ("awgn", -2.0), ("rayleigh", 8.0))


def across(
    model: TextTransformer, tokens: Tensor, counts: Tensor, kind: str, es_n0_db: Tensor | float
) -> Tensor:
    """Tokens [batch, n] over the channel, its state known: what the decoder attends to, [batch, n, width]."""
    symbols = torch.view_as_complex(model.send(tokens, counts).contiguous())
    z, reliability = mmse(transmit(symbols, kind, es_n0_db))
    return model.hear(torch.view_as_real(z), reliability)


@torch.inference_mode()
def received(model: TextTransformer, texts: Sequence[str], kind: str, es_n0_db: float) -> list[str]:
    """Texts over the channel, spelled character after character; the receiver knows how many there are."""
    tokens, counts = padded(texts)
    memory = across(model, tokens, counts, kind, es_n0_db)
    prefix = torch.full((len(texts), 1), START)
    for _ in range(tokens.shape[1]):
        best = model.spell(prefix, memory, counts)[:, -1].argmax(1)
        prefix = torch.cat([prefix, best[:, None]], 1)
    rows = zip(prefix[:, 1:].tolist(), counts.tolist(), strict=True)
    return ["".join(ALPHABET[i] for i in row[:count]) for row, count in rows]


def train(
    texts: Sequence[str], valid: Sequence[str], folder: Path, minutes: float, lr: float = 1e-3, seed: int = 0
) -> TextTransformer:
    """Until `minutes` of training have passed, those of earlier sessions included; returns averaged weights.

    Channel and Es/N0 are drawn as for the speech codec. The folder keeps last.pt, best.pt (averaged) and log.csv.
    """
    torch.manual_seed(seed)
    model = TextTransformer(TextDims())
    fields = [f"{kind}_{snr:g}" for kind, snr in VALIDATE]
    run = TimedRun(model, folder, minutes, lr, WARM_UP, SAVE_EVERY, fields, {"dims": model.dims})
    torch.manual_seed(seed + run.steps)  # a resumed run draws other noise
    rng = np.random.default_rng([seed, run.steps])
    average = TextTransformer(TextDims())

    def figures() -> dict[str, float]:
        run.averaged(average)
        points = zip(fields, VALIDATE, strict=True)
        return {f: float(jiwer.cer(list(valid), received(average, valid, *p))) for f, p in points}

    source = batches(texts, BATCH, rng)
    while run.done < 1:
        model.train()
        tokens, counts = padded(next(source))
        kind = CHANNELS[rng.integers(len(CHANNELS))]
        least, most = ES_N0_DB
        least = max(least, most - (most - least) * run.done / EASY)
        es_n0_db = torch.empty(len(tokens)).uniform_(least, most)
        with checkpoint.half_precision():
            memory = across(model, tokens, counts, kind, es_n0_db)
            logits = model.spell(F.pad(tokens, (1, 0), value=START)[:, :-1], memory, counts)
        loss = spelling_loss(logits, tokens, counts)
        run.step(loss)
        if run.due:
            run.save(**figures())
    return run.averaged(average)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.deepsc_text.train", description=__doc__)
    parser.add_argument(
        "texts", nargs="+", type=Path, help="as for `synthesise`: prose, .trans.txt or LJSpeech's csv"
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the run")
    parser.add_argument("--minutes", type=float, default=30, help="in all, earlier sessions included")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = [text for path in args.texts for text in sentences(path)]
    rng = np.random.default_rng(0)
    order = rng.permutation(len(found))
    valid, texts = [found[i] for i in order[:VALID]], [found[i] for i in order[VALID:]]
    print(f"{len(texts):,} sentences, {sum(map(len, texts)):,} characters")
    train(texts, valid, args.out, args.minutes, args.lr, args.seed)


if __name__ == "__main__":
    main()
