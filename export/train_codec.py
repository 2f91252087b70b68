"""Training the channel codec on cached features: the semantic encoder is fixed, the channel drawn per batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.framing import HOP
from gr_deepsc.text import TOKENS

from . import checkpoint
from .config import Config
from .data.audio import Speech
from .data.augment import SpecAugment, change_speed, degrade
from .data.batches import collate, plan, targets
from .metrics import error_rates
from .models.channel import mmse, transmit, zero_forcing
from .models.codec import Codec
from .models.recogniser import ctc_loss, distillation_loss, frames_of
from .optimisation import descend, straight

CHANNELS = ("awgn", "rayleigh", "rician")
ES_N0_DB = (-10.0, 20.0)  # drawn uniformly, one figure a row
BATCH_SECONDS = 240
VALIDATE = (("awgn", 20.0), ("awgn", -2.0), ("awgn", -8.0), ("rayleigh", 8.0), ("rician", 8.0))


@dataclass
class Features:
    """Cached P: float16 [frames, 29] and the normalised text of each utterance."""

    probabilities: list[np.ndarray]
    texts: list[str]


def extract(recogniser: nn.Module, speech: Speech, rng: np.random.Generator | None = None) -> Features:
    """P of every utterance; with `rng`, of augmented ones (the encoder knows its training set too well)."""
    change = None if rng is None else (lambda samples: degrade(change_speed(samples, rng), rng))
    spec_augment = None if rng is None else SpecAugment(rng, bands=1)
    probabilities = [np.empty(0)] * len(speech)
    recogniser.eval()
    with torch.inference_mode(), checkpoint.half_precision():
        for group in tqdm(plan(speech.lengths, 120), "features", disable=None):
            batch = collate(speech, group, change)
            logits = recogniser(batch.waveform, batch.lengths, spec_augment)
            rows = logits.float().softmax(-1).numpy().astype(np.float16)
            for i, frames, row in zip(group, frames_of(batch.lengths).tolist(), rows, strict=True):
                probabilities[i] = row[:frames].copy()
    return Features(probabilities, [u.text for u in speech.utterances])


def cached(
    path: Path, recogniser: nn.Module, speech: Speech, rng: np.random.Generator | None = None
) -> Features:
    """`extract`, done once: the .npz file at `path` is read if these weights and utterances wrote it."""
    digest = checkpoint.digest(recogniser, (u.key for u in speech.utterances))
    if path.is_file():
        stored = np.load(path)
        if str(stored["digest"]) == digest:
            rows = np.split(stored["probabilities"], np.cumsum(stored["frames"])[:-1])
            return Features(rows, [u.text for u in speech.utterances])
    features = extract(recogniser, speech, rng)
    np.savez(
        path,
        digest=digest,
        frames=[len(p) for p in features.probabilities],
        probabilities=np.concatenate(features.probabilities),
    )
    return features


def batches(features: Features, rng: np.random.Generator) -> Iterator[tuple[list[np.ndarray], list[str]]]:
    """Endless batches of features of similar length, and their texts."""
    lengths = HOP * np.array([len(p) for p in features.probabilities])
    while True:
        for group in plan(lengths, BATCH_SECONDS, rng):
            yield [features.probabilities[i] for i in group], [features.texts[i] for i in group]


def padded(probabilities: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """P [batch, frames, 29] with zeros beyond each row's end, and the rows' frames."""
    frames = torch.tensor([len(p) for p in probabilities])
    rows = torch.zeros(len(probabilities), int(frames.max()), TOKENS)
    for row, p in zip(rows, probabilities, strict=True):
        row[: len(p)] = torch.from_numpy(p.astype(np.float32))
    return rows, frames


def across(
    codec: Codec, rows: Tensor, frames: Tensor, kind: str, es_n0_db: Tensor | float, equaliser=mmse
) -> Tensor:
    """P [batch, frames, 29] through encoder, channel and decoder: logits of the same shape."""
    symbols = torch.view_as_complex(codec.encoder(rows, frames))
    z, reliability = equaliser(transmit(symbols, kind, es_n0_db))
    return codec.decoder(torch.view_as_real(z), reliability, frames)


def texts_across(codec: Codec, features: Features, kind: str, es_n0_db: float, equaliser=mmse) -> list[str]:
    """The text of every utterance after the channel."""
    codec.eval()
    texts = [""] * len(features.texts)
    lengths = HOP * np.array([len(p) for p in features.probabilities])
    with torch.inference_mode():
        for group in plan(lengths, 600):
            rows, frames = padded([features.probabilities[i] for i in group])
            log_probs = across(codec, rows, frames, kind, es_n0_db, equaliser).log_softmax(-1).numpy()
            for i, count, row in zip(group, frames.tolist(), log_probs, strict=True):
                texts[i], _ = greedy(row[:count])
    return texts


def train(
    config: Config,
    features: Features,
    valid: Features,
    folder: Path,
    steps: int,
    lr: float = 2e-3,
    fixed: tuple[str, float] | None = None,
    initial: dict[str, Tensor] | None = None,
    seed: int = 0,
) -> Codec:
    """Algorithm 1 of the paper on cached features.

    Args:
        config: whose `codec` to build; without reliability inputs it is trained as in the paper, by zero forcing.
        features, valid: cached P of the two splits.
        folder: codec.pt is kept here, and resumed; codec.csv is the log.
        steps: batches in all.
        fixed: one channel kind and Es/N0 in dB instead of random ones (the paper: "rician", 8).
        initial: weights to start from.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    equaliser = mmse if config.codec.reliability else zero_forcing
    codec, done, path = Codec(config.codec), 0, folder / "codec.pt"
    if initial is not None:
        codec.load_state_dict(initial)
    optimiser = torch.optim.AdamW(codec.parameters(), lr=lr, weight_decay=1e-3)
    if path.is_file():
        state = checkpoint.load(path)
        codec.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        done = state["steps"]
    log = checkpoint.Log(
        folder / "codec.csv", ["step", "loss", *(f"{kind}_{snr:g}" for kind, snr in VALIDATE)]
    )
    losses, source = [], batches(features, np.random.default_rng([seed, done]))
    for step in tqdm(range(done + 1, steps + 1), "codec", disable=None):
        probabilities, texts = next(source)
        rows, frames = padded(probabilities)
        kind = CHANNELS[rng.integers(len(CHANNELS))] if fixed is None else fixed[0]
        snr = torch.empty(len(texts)).uniform_(*ES_N0_DB) if fixed is None else fixed[1]
        codec.train()
        logits = across(codec, rows, frames, kind, snr, equaliser)
        loss = ctc_loss(logits, frames, *targets(texts))
        loss = loss + distillation_loss(logits, (rows + 1e-6).log(), frames)
        for parameters in optimiser.param_groups:
            parameters["lr"] = lr * min(1.0, step / 50) * straight(step / steps)
        descend(optimiser, loss)
        losses.append(loss.item())
        if step % 250 == 0 or step == steps:
            rates = {
                f"{kind}_{snr:g}": round(
                    error_rates(valid.texts, texts_across(codec, valid, kind, snr, equaliser))[0], 4
                )
                for kind, snr in VALIDATE
            }
            log.write(step=step, loss=round(float(np.mean(losses)), 4), **rates)
            tqdm.write(f"step {step}  loss {np.mean(losses):.4f}  CER {rates}")
            losses = []
            checkpoint.save(
                path,
                {
                    "config": config.name,
                    "model": codec.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "steps": step,
                },
            )
    return codec.eval()
