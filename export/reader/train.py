"""Fine-tune the reader on transcribed speech, in the short windows that it is given at run time."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from gr_deepsc.framing import HOP, SAMPLE_RATE

from ..data.audio import CACHE, Speech, splits
from ..data.augment import SpecAugment, change_speed, degrade
from ..data.batches import grouped
from ..data.texts import written
from ..training import checkpoint, options
from ..training.optimisation import device_of, half_precision
from ..training.options import WORK
from ..training.run import Plan, Run
from .decode import STATES, Window
from .measure import by_corpus, texts
from .model import Reader, whisper
from .noises import no_speech
from .targets import restore, sentence, without_case
from .vocabulary import Vocabulary

WARM_UP = 0.05  # of the run
LONGEST = 1.0  # a gradient
VALIDATE_EVERY = 15.0  # minutes; reading takes as long as a hundred steps
SMOOTHING = 0.1  # of labels
LEAD, MARGIN = (0.0, 0.4), (0.4, 2.5)  # silence before and behind an utterance, s
JOINED = 0.2  # share of utterances that the next one follows at once: long speech
SILENT = 0.04  # share of rows without speech
PAUSE = (0.1, 0.8)  # between joined utterances, s
CLEAN = 0.3  # share of utterances that are not degraded
MOST_SECONDS = 29.0
READ_IN = Window(2.0)  # in which the original reads for `targets`
IGNORED = -100  # cross_entropy's label of what does not count


def targets(
    reader: Reader, vocabulary: Vocabulary, speech: Speech, hours: float, cache: Path = CACHE
) -> list[str | None]:
    """The written text of each utterance; None where there is none to be trusted. What is read is kept in `cache`.

    Args:
        reader: the original: it reads those whose transcripts have no capitals or stops and are longer than a sentence.
        hours: of speech that it reads at most; the rest of those is left out.
    """
    found = [sentence(u.text) if without_case(u.raw) else written(u.raw) for u in speech.utterances]
    bare = np.array([i for i, text in enumerate(found) if text is None])
    order = np.random.default_rng(0).permutation(bare)
    bare = np.sort(order[np.cumsum(speech.lengths[order]) <= 3600 * hours * SAMPLE_RATE])
    part = speech.part(bare)
    digest = checkpoint.digest(reader, (u.key for u in part.utterances))
    path = Path(cache) / f"read-{digest[:12]}.json"
    if not path.is_file():
        with half_precision(device_of(reader)):
            heard = texts(reader, vocabulary, part, READ_IN, 200, progress=True)
        path.write_text(json.dumps(heard))
    for i, heard in zip(bare, json.loads(path.read_text()), strict=True):
        found[i] = restore(speech.utterances[i].text, heard)
    return found


class Lessons:
    """Batches to learn from: windows of augmented speech and of none, and the tokens that are to be written."""

    def __init__(
        self,
        speech: Speech,
        wanted: Sequence[str | None],
        vocabulary: Vocabulary,
        seconds: float,
        rng: np.random.Generator,
    ):
        """Utterances that are not in the vocabulary or not to be trusted are left out.

        Args:
            seconds: of a batch, padding counted.
        """
        self.rng, self.seconds, self.vocabulary = rng, seconds, vocabulary
        self.tokens = [None if text is None else encoded(vocabulary, text) for text in wanted]
        self.kept = np.array([i for i, tokens in enumerate(self.tokens) if tokens])
        self.speech = speech

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
        """Waveform [batch, samples], counts of states, tokens with prompt and end (padded with `IGNORED`), seconds."""
        while True:
            follows = {int(i): self._next(i) for i in self.kept}
            lengths = np.array([sum(self.speech.lengths[j] for j in follows[int(i)]) for i in self.kept])
            for group in grouped(lengths, self.seconds, self.rng):
                yield self._batch([follows[int(self.kept[g])] for g in group])

    def _next(self, i: int) -> list[int]:
        """The utterance, and sometimes the one behind it."""
        j = i + 1
        if self.rng.random() >= JOINED or j >= len(self.speech) or not self.tokens[j]:
            return [int(i)]
        both = self.speech.lengths[[i, j]].sum() / SAMPLE_RATE + PAUSE[1] + LEAD[1] + MARGIN[1]
        same = self.speech.utterances[i].speaker == self.speech.utterances[j].speaker
        return [int(i), int(j)] if same and both * 1.2 < MOST_SECONDS else [int(i)]

    def _batch(self, rows: list[list[int]]) -> tuple[Tensor, Tensor, Tensor, float]:
        windows, tokens, seconds = [], [], 0.0
        for row in rows:
            if self.rng.random() < SILENT:
                windows.append(no_speech(self.rng.uniform(1, 10), self.rng))
                said: list[int] = []
            else:
                windows.append(self._heard(row))
                said = [token for i in row for token in self.tokens[i]]
            seconds += len(windows[-1]) / SAMPLE_RATE
            tokens.append(torch.tensor([*self.vocabulary.prompt, *said, self.vocabulary.end]))
        windows = [np.pad(window, (0, -len(window) % HOP)) for window in windows]
        counts = torch.tensor([len(window) // STATES for window in windows])
        waveform = pad_sequence([torch.from_numpy(window) for window in windows], batch_first=True)
        return waveform, counts, pad_sequence(tokens, batch_first=True, padding_value=IGNORED), seconds

    def _heard(self, row: list[int]) -> np.ndarray:
        pieces = [self._silence(LEAD)]
        for i in row:
            pieces += [self.speech[i], self._silence(PAUSE)]
        samples = change_speed(np.concatenate(pieces[:-1]), self.rng)
        samples = np.concatenate([samples, self._silence(MARGIN)])
        if self.rng.random() >= CLEAN:
            samples = degrade(samples, self.rng)
        return samples[: int(30 * SAMPLE_RATE)]

    def _silence(self, seconds: tuple[float, float]) -> np.ndarray:
        return np.zeros(int(self.rng.uniform(*seconds) * SAMPLE_RATE), np.float32)


def encoded(vocabulary: Vocabulary, text: str) -> list[int] | None:
    """Its tokens, or None if the vocabulary lacks one."""
    try:
        return vocabulary.encode(text)
    except ValueError:
        return None


def loss_of(reader: Reader, states: Tensor, counts: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy of what follows the prompt, labels smoothed.

    Args:
        tokens: int64 [batch, length], prompt and end included, padded with `IGNORED`.
    """
    given = tokens[:, :-1].clamp(min=0)
    hidden = reader.hidden(states, counts, given)[:, 1:]
    wanted = tokens[:, 2:]
    kept = wanted != IGNORED  # the product with the vocabulary is most of the work: none of it for padding
    logits = reader.decoder.logits(hidden[kept]).float()
    return F.cross_entropy(logits, wanted[kept], label_smoothing=SMOOTHING)


def train(
    plan: Plan,
    reader: Reader,
    vocabulary: Vocabulary,
    lessons: tuple[Speech, Sequence[str | None]],
    valid: Speech,
    rates: tuple[float, float],
    window: Window,
    batch_seconds: float = 60.0,
) -> Run:
    """Fine-tunes `reader`.

    Args:
        lessons: utterances and what is to be written of them.
        rates: peak learning rates of decoder and encoder; an encoder at 0 stays as it is, which is twice as fast.
        window: in which `valid` is read.
    """
    reader.decoder.embedding.requires_grad_(False)  # most of its rows are of words that the lessons do not have
    reader.encoder.requires_grad_(bool(rates[1]))
    reader.encoder.positions.requires_grad_(False)
    groups = [{"params": [*reader.projection.parameters(), *reader.decoder.parameters()], "lr": rates[0]}]
    if rates[1]:
        groups.append({"params": list(reader.encoder.parameters()), "lr": rates[1]})
    for group in groups:
        group["params"] = [p for p in group["params"] if p.requires_grad]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    fields = ["loss", "valid_cer", "valid_wer"]
    # the latest is kept: what is validated with is too little to choose by, and `reader mix` chooses by all of it
    run = Run(plan, {"reader": reader}, {"all": optimiser}, ["reader"], fields, decay=0.99)
    source = iter(Lessons(*lessons, vocabulary, batch_seconds, run.rng))
    masks = SpecAugment(run.rng, bands=1, stretches_per_second=0.15)

    def step() -> dict[str, Tensor]:
        waveform, counts, tokens, seconds = next(source)
        run.hours += seconds / 3600
        waveform, counts, tokens = (x.to(run.device) for x in (waveform, counts, tokens))
        with run.half_precision():
            states = reader.encoder(waveform, counts, masks)
            loss = loss_of(reader, states, counts, tokens)
        run.descend("all", loss, LONGEST)
        return {"loss": loss}

    def validate() -> dict[str, float]:
        with run.half_precision():
            read = texts(run.average("reader"), vocabulary, valid, window)
        found = by_corpus(valid, read)
        tqdm.write("  ".join(f"{corpus} {cer:.4f}" for corpus, (cer, _) in found.items()))
        cer, wer = np.mean(list(found.values()), axis=0)  # corpora count alike, whatever their size
        return {"valid_cer": cer, "valid_wer": wer}

    run.train(step, validate)
    return run


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train reader`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    options.add_options(parser, WORK / "reader", (60.0, "minutes"), 3e-5)
    parser.add_argument("--encoder-lr", type=float, default=1e-5, help="0: the encoder stays as it is")
    parser.add_argument("--window", type=Window.parse, default=Window(1.0), help="of validation: +SECONDS, or SECONDS")
    parser.add_argument("--batch-seconds", type=float, default=60.0)
    parser.add_argument("--valid-hours", type=float, default=0.2, help="of speech to validate with while it trains")
    parser.add_argument(
        "--read-hours", type=float, default=10.0, help="of speech that the original reads for its stops"
    )


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, (WARM_UP * args.minutes, "minutes"), save_every=(VALIDATE_EVERY, "minutes"))
    reader, vocabulary = whisper()
    speech, valid = splits(args.corpora, "train", "valid")
    wanted = targets(reader, vocabulary, speech, args.read_hours)
    valid = valid.sample(args.valid_hours, np.random.default_rng(0))
    print(f"{speech.seconds / 3600:.2f} h, {sum(text is None for text in wanted)} of {len(speech)} not to be trusted")
    rates = args.lr, args.encoder_lr
    train(plan, reader, vocabulary, (speech, wanted), valid, rates, args.window, args.batch_seconds)
