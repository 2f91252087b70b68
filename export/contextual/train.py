"""Train the channel codec with context on spikes of real speech, and of texts that nobody spoke."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from gr_deepsc.codec.rates import RATES
from gr_deepsc.ctc.beam import SPELLING, Beam
from gr_deepsc.ctc.greedy import logarithms

from ..codec.train import CHANNELS
from ..data.audio import splits
from ..data.texts import all_sentences
from ..layers.channel import Received, mmse, transmit
from ..onnx_files.weights import part, read_graph, read_weights
from ..recogniser.config import CONFIGS, SHIPPED
from ..recogniser.features import Features, cached
from ..recogniser.model import build
from ..training import options
from ..training.metrics import error_rates, greedy_texts
from ..training.optimisation import device_of, pick_device, straight
from ..training.options import WORK
from ..training.run import Plan, Run
from .model import MOST, SYMBOLS, ContextualCodec, ContextualDims
from .spikes import Lesson, batches, lessons

RISE = (200, "steps")
BATCH = 4_000  # characters
LEAST_DB = (-14.0, -11.0, -8.0)  # Es/N0, by rate: where nothing can be read any more
MOST_DB = 20.0
BLOCKS = (64, 256)  # symbols that a fading coefficient holds for
PILOTS = 10.0  # known symbols' energy by which a receiver estimates such a coefficient, at the least
VALIDATE = (
    (520, "awgn", -10.0), (520, "awgn", -8.0), (520, "rayleigh", -2.0), (260, "awgn", -5.0),
    (130, "awgn", -2.0), (130, "rayleigh", 4.0), (130, "awgn", 20.0),
)  # fmt: skip


def features(corpora: Sequence[str], split: str, model: str, plan: Plan, copies: int = 0) -> Features:
    """P of a split's recordings by a shipped recogniser, or of `copies` of them, each with another augmentation."""
    (speech,) = splits(corpora, split)
    recogniser = build(next(CONFIGS[c].encoder for c, name in SHIPPED.items() if name == model))
    recogniser.load_state_dict(part(read_weights(model), "recogniser"), strict=False)
    recogniser.to(pick_device(plan.device))
    found = [
        cached(plan.folder / f"features-{model}-{split}-{copy}.npz", recogniser, speech, rng)
        for copy, rng in enumerate([np.random.default_rng([plan.seed, k]) for k in range(copies)] or [None])
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
    """Spikes [batch, n, 29], tokens [batch, n, 2], -100 beyond a row's end, and the spikes of each row."""
    spikes = pad_sequence([torch.from_numpy(lesson.spikes.astype(np.float32)) for lesson in group], True)
    tokens = pad_sequence([torch.from_numpy(lesson.tokens) for lesson in group], True, -100)
    return spikes, tokens, torch.tensor([len(lesson.tokens) for lesson in group])


def estimated(received: Received, block: int) -> Received:
    """The same with a coefficient that was estimated, by few pilots or by many."""
    h, n0 = received.csi, received.n0
    blocks = -(-h.shape[1] // block)
    known = PILOTS * torch.empty(len(h), 1, device=h.device).uniform_(0, 1).reciprocal()
    variance = n0 / known
    error = torch.randn(len(h), blocks, dtype=torch.complex64, device=h.device)
    error = error.repeat_interleave(block, 1)[:, : h.shape[1]]
    return Received(received.symbols, h + variance.sqrt() * error, n0 + variance)


def across(
    codec: ContextualCodec,
    spikes: Tensor,
    counts: Tensor,
    rate: int,
    kind: str,
    es_n0_db: Tensor | float,
    block: int = 128,
) -> Tensor:
    """Logits [batch, 2 n, 29] behind a channel, interleaved over it as a burst is."""
    k, chosen = int(SYMBOLS[rate]), torch.tensor(rate, device=spikes.device)
    sent = codec.encoder(spikes, chosen, counts)[:, :, :k].flatten(1, 2)
    symbols = torch.view_as_complex(sent.contiguous())
    order = torch.randperm(symbols.shape[1], device=symbols.device)
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
    texts, device = [], device_of(codec)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(features.texts), 32):
            part = slice(start, start + 32)
            group = lessons(Features(features.probabilities[part], features.texts[part]))
            spikes, _, counts = (x.to(device) for x in stack(group))
            texts += greedy_texts(across(codec, spikes, counts, rate, kind, es_n0_db), 2 * counts)
    return error_rates(features.texts, texts)[0]


def train(
    plan: Plan,
    spoken: Sequence[Lesson],
    texts: Sequence[str],
    valid: Features,
    lr: float = 2e-3,
    initial: dict[str, Tensor] | None = None,
    dims: ContextualDims | None = None,
) -> ContextualCodec:
    """Returns the codec with averaged weights, on the CPU, set to evaluate.

    Rate, channel, its blocks, Es/N0 and what is known of the channel are drawn anew for every batch or row.
    """
    torch.manual_seed(plan.seed)
    codec = ContextualCodec(dims or ContextualDims())
    if initial is not None:
        codec.load_state_dict(initial)
    optimiser = torch.optim.AdamW(codec.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01)
    points = {f"{rate}_{kind}_{snr:g}": (list(RATES).index(rate), kind, snr) for rate, kind, snr in VALIDATE}
    run = Run(plan, {"codec": codec}, {"codec": optimiser}, ["codec"], ["nats", *points])
    source = batches(spoken, texts, BATCH, run.rng)

    def step() -> dict[str, Tensor]:
        spikes, tokens, counts = (x.to(run.device) for x in stack(next(source)))
        rate, kind = int(run.rng.integers(len(RATES))), CHANNELS[run.rng.integers(len(CHANNELS))]
        es_n0_db = torch.empty(len(counts)).uniform_(LEAST_DB[rate], MOST_DB)
        block = int(run.rng.integers(*BLOCKS))
        with run.half_precision():
            logits = across(codec, spikes, counts, rate, kind, es_n0_db, block)
        loss = F.cross_entropy(logits.float().flatten(0, 1), tokens.flatten())  # -100 does not count
        run.descend("codec", loss)
        return {"nats": loss}

    def validate() -> dict[str, float]:
        return {name: error_rate(run.average("codec"), valid, *point) for name, point in points.items()}

    run.train(step, validate)
    return run.average("codec").cpu()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train contextual`."""
    parser.add_argument("corpora", nargs="+", help="folders of transcribed speech, for real spikes")
    parser.add_argument("--texts", nargs="+", type=Path, required=True, help="as for `synthesise`")
    options.add_options(parser, WORK / "contextual", (60.0, "minutes"), 2e-3)
    parser.add_argument("--models", nargs="+", default=["default"], help="shipped recognisers to learn from")
    parser.add_argument("--copies", type=int, default=2, help="augmentations of the recordings")
    parser.add_argument("--init", type=Path, metavar="DIR", help="start from encoder.onnx and decoder.onnx there")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, RISE, straight)
    known = [features(args.corpora, "train", model, plan, args.copies) for model in args.models]
    valid = features(args.corpora, "valid", args.models[0], plan)
    spoken = []
    for model, each in zip(args.models, known, strict=True):  # with and without the sender's language model
        spoken += lessons(each) + lessons(each, read(each, plan.folder / f"read-{model}.json"))
    texts = all_sentences(args.texts)
    print(f"{len(spoken):,} recordings; {len(texts):,} sentences, {sum(map(len, texts)):,} characters")
    initial = None
    if args.init:
        encoder, decoder = (read_graph(args.init / f"{kind}.onnx") for kind in ("encoder", "decoder"))
        initial = {f"encoder.{key}": value for key, value in encoder.items()} | decoder
    train(plan, spoken, texts, valid, args.lr, initial)
