"""Training the language model: python -m deepsc_export.language.train TEXTS... [--export]"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc import __version__
from gr_deepsc.ctc.beam import LANGUAGE
from gr_deepsc.text import ALPHABET, encode

from .. import checkpoint
from ..data.batches import by_length
from ..data.synthesise import sentences
from ..onnx_export import provenance, write_contract, write_hashes, write_small
from ..timed_run import TimedRun
from .model import START, LanguageDims, LanguageModel, Step

OUT = Path("work/language")
SAVE_EVERY = 2.0  # minutes
WARM_UP = 100  # updates
BATCH = 6_000  # characters
VALID = 400  # sentences
PADDING = -100


def padded(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """What is known, int64 [batch, n], and what comes next; texts end where their words do, not in a sign."""
    rows = [torch.tensor([START, *encode(text)]) for text in texts]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
    return tokens[:, :-1].clamp_min(0), tokens[:, 1:]


def batches(texts: Sequence[str], characters: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Endless batches of sentences of similar length; half of them begin in their midst."""
    while True:
        chosen = [texts[i] for i in rng.permutation(len(texts))[:4096]]
        chosen = [t.split(" ", int(rng.integers(8)))[-1] if rng.random() < 0.5 else t for t in chosen]
        yield from by_length(chosen, len, characters, rng)


@torch.inference_mode()
def nats(model: LanguageModel, texts: Sequence[str]) -> float:
    """Mean -ln p of a character."""
    total = count = 0
    for start in range(0, len(texts), 50):
        known, wanted = padded(texts[start : start + 50])
        total += float(F.cross_entropy(model(known).flatten(0, 1), wanted.flatten(), reduction="sum"))
        count += int((wanted != PADDING).sum())
    return total / count


def train(
    texts: Sequence[str], valid: Sequence[str], folder: Path, minutes: float, lr: float, seed: int
) -> LanguageModel:
    """Until `minutes` have passed, those of earlier sessions included; returns averaged weights."""
    torch.manual_seed(seed)
    model = LanguageModel(LanguageDims())
    run = TimedRun(model, folder, minutes, lr, WARM_UP, SAVE_EVERY, ["valid_nats"])
    rng = np.random.default_rng([seed, run.steps])
    average = LanguageModel(model.dims)
    source = batches(texts, BATCH, rng)
    while run.done < 1:
        known, wanted = padded(next(source))
        with checkpoint.half_precision():
            logits = model(known)
        loss = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten())
        run.step(loss)
        if run.due:
            run.save(valid_nats=nats(run.averaged(average), valid))
    return run.averaged(average)


def export(model: LanguageModel, path: Path, training_data: str) -> float:
    """Writes one step of `model`, weights in 8 bits; the largest difference between torch and ONNX Runtime.

    Raises:
        ParityError: it exceeds `onnx_export.TOLERANCE`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    step, inputs, outputs = Step(model.eval()), ["token", "state"], ["log_probs", "next"]
    feed = torch.randint(len(ALPHABET), (5,)), torch.randn(5, model.dims.units).tanh()
    free = {name: {0: "texts"} for name in inputs + outputs}
    worst = write_small(step, [feed], path, inputs, outputs, free)
    contract = {
        "name": "language",
        "kind": "language",
        "version": __version__,
        "vocabulary": ALPHABET,
        "training_data": training_data,
        "licence": "GPL-3.0-or-later",
    }
    write_contract(path, contract | provenance(model))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.language.train", description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path, help="as for `synthesise`")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the run")
    parser.add_argument("--minutes", type=float, default=20, help="in all, earlier sessions included")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--export", type=Path, nargs="?", const=LANGUAGE, metavar="ONNX", help="write it as well"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = [text for path in args.texts for text in sentences(path)]
    order = np.random.default_rng(0).permutation(len(found))
    valid, texts = [found[i] for i in order[:VALID]], [found[i] for i in order[VALID:]]
    model = train(texts, valid, args.out, args.minutes, args.lr, args.seed)
    if args.export:
        data = f"{len(texts)} sentences of {', '.join(path.name for path in args.texts)}"
        print(f"{args.export}: torch - ONNX Runtime in fp32 <= {export(model, args.export, data):.1e}")
        write_hashes(args.export.parent.parent)


if __name__ == "__main__":
    main()
