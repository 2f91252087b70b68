"""Training the head of the pretrained recogniser on its encoder's cached states: several times as fast as the whole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.framing import FRAME_RATE, HOP

from . import checkpoint
from .data.audio import Speech
from .data.augment import change_speed, degrade
from .data.batches import collate, plan, targets
from .metrics import error_rates
from .models.recogniser import WhisperRecogniser, ctc_loss, frames_of
from .optimisation import descend, half_cosine
from .train_recogniser import Run

Change = Callable[[np.ndarray], np.ndarray]  # samples -> samples

MASKED = 0.06  # share of the state pairs that are zeroed in training, in stretches
STRETCH = 4


def augmentation(rng: np.random.Generator) -> Change:
    """Another augmentation of every recording it is given."""
    return lambda samples: degrade(change_speed(samples, rng), rng)


class States:
    """Encoder states of a set of utterances: float16 [frames, 2 * width] each, in one memory-mapped file."""

    def __init__(
        self,
        model: WhisperRecogniser,
        speech: Speech,
        cache: Path,
        name: str = "0",
        change: Change | None = None,
    ):
        """Computed once: a file in `cache` is read if this encoder wrote it for these utterances and this `name`.

        `change` makes of each recording what the encoder hears; `name` is that of the change.
        """
        self.texts = [utterance.text for utterance in speech.utterances]
        self.width = 2 * model.encoder.norm.normalized_shape[0]
        digest = checkpoint.digest(model.encoder, (u.key for u in speech.utterances))
        self.path = path = cache / f"states-{digest[:12]}-{name}.f16"
        index = path.with_suffix(".npy")
        if not index.is_file():
            np.save(index, self._extract(model, speech, path, change))
        self.places = np.load(index).tolist()
        end = max(start + count for start, count in self.places)
        self.rows = np.memmap(path, np.float16, "r", shape=(end, self.width))

    @staticmethod
    def _extract(model: WhisperRecogniser, speech: Speech, path: Path, change: Change | None) -> list:
        """Writes the states; first state pair and number of pairs of each utterance."""
        places, end = [(0, 0)] * len(speech), 0
        model.eval()
        with path.open("wb") as file, torch.inference_mode(), checkpoint.half_precision():
            for group in tqdm(plan(speech.lengths, 64), "states", disable=None):
                batch = collate(speech, group, change)
                frames = frames_of(batch.lengths)
                states = model.encoder(batch.waveform, 2 * frames).to(torch.float16).numpy()
                for i, count, row in zip(group, frames.tolist(), states, strict=True):
                    file.write(np.ascontiguousarray(row[: 2 * count]).tobytes())
                    places[i] = (end, count)
                    end += count
        return places

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each utterance, rounded up to frames."""
        return HOP * np.array([count for _, count in self.places])

    def batch(self, group: list[int]) -> tuple[Tensor, Tensor, list[str]]:
        """State pairs [batch, frames, 2 * width], zero beyond each row's end; the rows' frames; their texts."""
        frames = torch.tensor([self.places[i][1] for i in group])
        pairs = torch.zeros(len(group), int(frames.max()), self.width)
        for row, i in zip(pairs, group, strict=True):
            start, count = self.places[i]
            row[:count] = torch.from_numpy(self.rows[start : start + count].astype(np.float32))
        return pairs, frames, [self.texts[i] for i in group]


def logits(model: WhisperRecogniser, pairs: Tensor, frames: Tensor) -> Tensor:
    return model.classify(pairs.unflatten(2, (2, -1)).flatten(1, 2), frames)


def validate(model: WhisperRecogniser, valid: States) -> tuple[float, float]:
    """CER and WER of the head on cached states."""
    model.eval()
    truths, texts = [], []
    with torch.inference_mode():
        for group in plan(valid.lengths, 240):
            pairs, frames, truth = valid.batch(group)
            log_probs = logits(model, pairs, frames).log_softmax(-1).numpy()
            texts += [greedy(row[:count])[0] for row, count in zip(log_probs, frames.tolist(), strict=True)]
            truths += truth
    return error_rates(truths, texts)


def endless(states: list[States], seconds: float, rng: np.random.Generator) -> Iterator[tuple]:
    while True:
        groups = [(s, group) for s in states for group in plan(s.lengths, seconds, rng)]
        for k in rng.permutation(len(groups)):
            yield groups[k][0].batch(groups[k][1])


def train(run: Run, states: list[States], valid: States, hours: float, lr: float) -> None:
    """Trains the head of `run` for `hours` more of speech; the encoder stays as it is."""
    model = run.model
    head = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
    model.load_state_dict(run.ema.state)  # the average is the better start
    optimiser = torch.optim.AdamW(head, lr=lr, weight_decay=0.01)
    rng = np.random.default_rng([run.plan.seed, int(3600 * run.seen)])
    start, losses, saved = run.seen, [], run.log.minutes
    for pairs, frames, texts in endless(states, run.plan.batch_seconds, rng):
        done = (run.seen - start) / hours
        for group in optimiser.param_groups:
            group["lr"] = lr * min(1.0, done / 0.02 + 0.02) * half_cosine(done)
        stretches = torch.rand(len(pairs), pairs.shape[1] // STRETCH + 1).repeat_interleave(STRETCH, 1)
        pairs = pairs * (stretches[:, : pairs.shape[1], None] >= MASKED)
        model.train()
        loss = ctc_loss(logits(model, pairs, frames), frames, *targets(texts))
        descend(optimiser, loss, 2.0)
        run.ema.update(model)
        run.seen += float(frames.sum()) / FRAME_RATE / 3600
        losses.append(loss.item())
        finished = run.seen - start >= hours
        if finished or run.log.minutes - saved > 2:
            run.record(float(np.mean(losses)), *validate(run.average(), valid))
            losses, saved = [], run.log.minutes
        if finished:
            return
