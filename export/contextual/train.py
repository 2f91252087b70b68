"""Training the codec with context: python -m deepsc_export.contextual.train CORPORA... --texts TEXTS..."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import jiwer
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gr_deepsc.codec.rates import RATES
from gr_deepsc.ctc.beam import SPELLING, Beam
from gr_deepsc.ctc.greedy import greedy, logarithms
from gr_deepsc.session import MODELS
from gr_deepsc.text import TOKENS

from .. import checkpoint
from ..config import CONFIGS, SHIPPED, ContextualDims
from ..data.audio import Speech
from ..data.corpora import load
from ..data.synthesise import sentences
from ..models.channel import Received, mmse, transmit
from ..models.recogniser import build
from ..onnx_weights import part, read_graph, read_weights
from ..timed_run import TimedRun
from ..train_codec import CHANNELS, Features, cached
from .emissions import Lesson, batches, lessons
from .model import MOST, SYMBOLS, ContextualCodec

OUT = Path("work/contextual")
SAVE_EVERY = 5.0  # minutes
WARM_UP = 200  # updates
BATCH = 4_000  # characters
LEAST_DB = (-14.0, -11.0, -8.0)  # Es/N0, by rate: where nothing can be read any more
MOST_DB = 20.0
BLOCKS = (64, 256)  # symbols that a fading coefficient holds for
PILOTS = 10.0  # known symbols' energy by which a receiver estimates such a coefficient, at the least
VALIDATE = (
    (520, "awgn", -10.0),
    (520, "awgn", -8.0),
    (520, "rayleigh", -2.0),
    (260, "awgn", -5.0),
    (130, "awgn", -2.0),
    (130, "rayleigh", 4.0),
    (130, "awgn", 20.0),
)


def features(
    corpora: Sequence[str], split: str, model: str, folder: Path, copies: int = 0, seed: int = 0
) -> Features:
    """P of a split's recordings by a shipped recogniser, or of `copies` of them, each with another augmentation."""
    utterances = [u for corpus in corpora for u in load(corpus) if u.split == split]
    speech = Speech(utterances, folder.parent / "cache")
    recogniser = build(next(CONFIGS[c].encoder for c, name in SHIPPED.items() if name == model))
    recogniser.load_state_dict(part(read_weights(MODELS / model), "recogniser"), strict=False)
    found = [
        cached(folder / f"features-{model}-{split}-{copy}.npz", recogniser, speech, rng)
        for copy, rng in enumerate([np.random.default_rng([seed, k]) for k in range(copies)] or [None])
    ]
    return Features([p for f in found for p in f.probabilities], [t for f in found for t in f.texts])


def read(known: Features, path: Path) -> list[str]:
    """The texts that the sender's beam decoder reads in features, once: kept in a JSON file."""
    if path.is_file():
        return json.loads(path.read_text())
    beam = Beam(*SPELLING)
    rows = tqdm(known.probabilities, "beam", disable=None)
    texts = [beam(logarithms(p.astype(np.float32))) for p in rows]
    path.write_text(json.dumps(texts))
    return texts


def stack(group: Sequence[Lesson]) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions [batch, n, 29], tokens [batch, n, 2], -100 beyond a row's end, and the emissions of each row."""
    counts = torch.tensor([len(lesson.tokens) for lesson in group])
    emissions = torch.zeros(len(group), int(counts.max()), TOKENS)
    tokens = torch.full((len(group), int(counts.max()), 2), -100)
    for row, lesson in enumerate(group):
        emissions[row, : counts[row]] = torch.from_numpy(lesson.emissions.astype(np.float32))
        tokens[row, : counts[row]] = torch.from_numpy(lesson.tokens)
    return emissions, tokens, counts


def estimated(received: Received, block: int) -> Received:
    """The same with a coefficient that was estimated, by few pilots or by many."""
    h, n0 = received.csi, received.n0
    blocks = -(-h.shape[1] // block)
    known = PILOTS * torch.empty(len(h), 1).uniform_(0, 1).reciprocal()
    variance = n0 / known
    error = torch.randn(len(h), blocks, dtype=torch.complex64).repeat_interleave(block, 1)[:, : h.shape[1]]
    return Received(received.symbols, h + variance.sqrt() * error, n0 + variance)


def across(
    codec: ContextualCodec,
    emissions: Tensor,
    counts: Tensor,
    rate: int,
    kind: str,
    es_n0_db: Tensor | float,
    block: int = 128,
) -> Tensor:
    """Logits [batch, 2 n, 29] behind a channel, interleaved over it as a burst is."""
    k, chosen = int(SYMBOLS[rate]), torch.tensor(rate)
    sent = codec.encoder(emissions, chosen, counts)[:, :, :k].flatten(1, 2)
    symbols = torch.view_as_complex(sent.contiguous())
    order = torch.randperm(symbols.shape[1])
    received = transmit(symbols[:, order], kind, es_n0_db, block)
    z, reliability = mmse(estimated(received, block))
    back = order.argsort()
    pairs = torch.view_as_real(z[:, back].contiguous()).unflatten(1, (-1, k))
    reliability = reliability[:, back].unflatten(1, (-1, k))
    unsent = MOST - k
    return codec.decoder(F.pad(pairs, (0, 0, 0, unsent)), F.pad(reliability, (0, unsent)), chosen, counts)


@torch.inference_mode()
def error_rate(
    codec: ContextualCodec, features: Features, rate: int, kind: str, es_n0_db: float, seed: int = 0
) -> float:
    """CER of real speech, the recogniser's errors included."""
    texts = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(features.texts), 32):
            part = slice(start, start + 32)
            group = lessons(Features(features.probabilities[part], features.texts[part]))
            emissions, _, counts = stack(group)
            rows = across(codec, emissions, counts, rate, kind, es_n0_db).log_softmax(-1).numpy()
            texts += [greedy(row[: 2 * n])[0] for row, n in zip(rows, counts.tolist(), strict=True)]
    return float(jiwer.cer(features.texts, texts))


def train(
    spoken: Sequence[Lesson],
    texts: Sequence[str],
    valid: Features,
    folder: Path,
    minutes: float,
    lr: float = 2e-3,
    initial: dict[str, Tensor] | None = None,
    seed: int = 0,
    dims: ContextualDims | None = None,
) -> ContextualCodec:
    """Until `minutes` of training have passed, those of earlier sessions included; returns averaged weights.

    Rate, channel, its blocks, Es/N0 and what is known of the channel are drawn anew for every batch or row. The folder
    keeps last.pt, best.pt (averaged) and log.csv.
    """
    torch.manual_seed(seed)
    codec = ContextualCodec(dims or ContextualDims())
    if initial is not None:
        codec.load_state_dict(initial)
    fields = [f"{rate}_{kind}_{snr:g}" for rate, kind, snr in VALIDATE]
    run = TimedRun(codec, folder, minutes, lr, WARM_UP, SAVE_EVERY, fields)
    torch.manual_seed(seed + run.steps)  # a resumed run draws other noise
    rng = np.random.default_rng([seed, run.steps])
    average = ContextualCodec(codec.dims)
    source = batches(spoken, texts, BATCH, rng)
    while run.done < 1:
        emissions, tokens, counts = stack(next(source))
        rate, kind = int(rng.integers(len(RATES))), CHANNELS[rng.integers(len(CHANNELS))]
        es_n0_db = torch.empty(len(counts)).uniform_(LEAST_DB[rate], MOST_DB)
        with checkpoint.half_precision():
            block = int(rng.integers(*BLOCKS))
            logits = across(codec, emissions, counts, rate, kind, es_n0_db, block)
        loss = F.cross_entropy(logits.float().flatten(0, 1), tokens.flatten())  # -100 does not count
        run.step(loss)
        if run.due:
            run.averaged(average)
            points = [(list(RATES).index(rate), kind, snr) for rate, kind, snr in VALIDATE]
            run.save(**{f: error_rate(average, valid, *p) for f, p in zip(fields, points, strict=True)})
    return run.averaged(average)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.contextual.train", description=__doc__)
    parser.add_argument(
        "corpora", nargs="+", help="folders of transcribed speech, for what is really emitted"
    )
    parser.add_argument("--texts", nargs="+", type=Path, required=True, help="as for `synthesise`")
    parser.add_argument("--models", nargs="+", default=["default"], help="shipped recognisers to learn from")
    parser.add_argument("--copies", type=int, default=2, help="augmentations of the recordings")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the run")
    parser.add_argument(
        "--init", type=Path, metavar="DIR", help="start from encoder.onnx and decoder.onnx there"
    )
    parser.add_argument("--minutes", type=float, default=60, help="in all, earlier sessions included")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    known = [features(args.corpora, "train", m, args.out, args.copies, args.seed) for m in args.models]
    valid = features(args.corpora, "valid", args.models[0], args.out)
    spoken = []
    for model, each in zip(args.models, known, strict=True):  # with and without the sender's language model
        spoken += lessons(each) + lessons(each, read(each, args.out / f"read-{model}.json"))
    texts = [text for path in args.texts for text in sentences(path)]
    print(f"{len(spoken):,} recordings; {len(texts):,} sentences, {sum(map(len, texts)):,} characters")
    initial = None
    if args.init:
        encoder, decoder = (read_graph(args.init / f"{kind}.onnx") for kind in ("encoder", "decoder"))
        initial = {f"encoder.{key}": value for key, value in encoder.items()} | decoder
    train(spoken, texts, valid, args.out, args.minutes, args.lr, initial, args.seed)


if __name__ == "__main__":
    main()
