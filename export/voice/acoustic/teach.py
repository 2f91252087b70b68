"""What a batch teaches the acoustic model, and how well the model speaks recordings that it was not taught."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gr_deepsc.text import encode
from gr_deepsc.voice.pronunciation import UNKNOWN

from ...layers.recurrent import valid_mask
from ..batches import Batch, collate, groups
from ..spoken import EDGE, Spoken
from . import phones, realign
from .losses import Heads, duration_loss, mel_loss
from .model import Acoustic

(SPACE,) = encode(" ")
WEIGHTS = {"mel": 1.0, "duration": 0.3, "pitch": 0.1, "mean": 0.1, "phones": 0.1, "fooling": 0.05, "feature": 0.3}


def speak(model: Acoustic, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Encoder states without and with the speaker; normalised mels before and after the post-net, true prosody."""
    plain, x = model.states(batch.tokens, batch.phones, batch.speakers, batch.counts)
    steps = int(batch.steps.max())
    return plain, x, *model.decode(x, batch.durations, batch.pitch, batch.counts, steps, batch.steps)


def forgotten(batch: Batch, share: float) -> Batch:
    """The batch with `share` of its words unknown to the dictionary, so that the letters alone must do."""
    word = (batch.tokens == SPACE).cumsum(1)
    lost = (torch.rand(word.shape, device=word.device) < share).gather(1, word)
    letter = (batch.tokens != SPACE) & (batch.tokens != EDGE)
    return replace(batch, phones=batch.phones.masked_fill(lost & letter, UNKNOWN))


def losses(
    model: Acoustic, heads: Heads, batch: Batch, known: Sequence[list[int] | None]
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """By the names of `WEIGHTS`; `known`: the phones of each text where they are; mels made and real, normalised."""
    plain, x, before, after = speak(model, batch)
    valid = valid_mask(batch.counts, batch.tokens.shape[1])
    prosody = model.prosody(x, valid[..., None])
    target = (batch.mel - model.mel_mean) / model.mel_scale
    # each token's mean mel, over its own frames: what realigning compares the frames with
    owner = torch.arange(valid.numel(), device=valid.device).repeat_interleave(batch.durations.flatten().long())
    guess = heads.mean(x).flatten(0, 1)[owner]  # [all frames, mels]
    found = {
        "mel": mel_loss(before, after, target, batch.frames),
        "duration": duration_loss(prosody.log_duration, batch.durations, batch.counts),
        "pitch": F.mse_loss(prosody.pitch[valid], batch.pitch[valid]),
        "mean": F.mse_loss(guess, target[valid_mask(batch.frames, target.shape[1])]),
        "phones": phones.ctc_loss(heads.phone_logits(plain), batch.counts, known),
    }
    return found, after, target


@torch.inference_mode()
def realign_all(model: Acoustic, heads: Heads, items: Sequence[Spoken]) -> float:
    """New durations from the network's own guess of each token's mel; returns the mean move of a cut in frames."""
    mean, scale = model.mel_mean.cpu().numpy(), model.mel_scale.cpu().numpy()
    moved, cuts, device = 0.0, 0, model.mel_mean.device
    for item in tqdm(items, "realigning", unit="utt", disable=None):
        tokens, sounds = (torch.from_numpy(row)[None].to(device) for row in (item.tokens, item.phones))
        _, x = model.states(tokens, sounds, torch.tensor([item.speaker], device=device))
        moved += realign.cut(item, heads.mean(x)[0].cpu().numpy(), (item.mel - mean) / scale)
        cuts += len(item.tokens)
    return moved / cuts


@torch.inference_mode()
def validate(
    model: Acoustic, items: Sequence[Spoken], pitch: list[tuple[float, float]]
) -> tuple[float, float, dict[int, float]]:
    """How well `model` speaks recordings whose speakers' `pitch` is so.

    Returns:
        Mean absolute mel error (nepers) under true prosody, that of durations in frames, and real / predicted length of
        each speaker's speech as predicted without `stretch`.
    """
    error = frames = moved = tokens = 0.0
    real, predicted = {}, {}
    for group in groups(items, 6000):
        batch = collate(group, pitch, model.mel_mean.device)
        _, x, _, mel = speak(model, batch)
        mel = mel * model.mel_scale + model.mel_mean
        inside = valid_mask(batch.frames, batch.mel.shape[1])
        error += float((mel - batch.mel).abs().mean(2)[inside].sum())
        frames += float(batch.frames.sum())
        valid = valid_mask(batch.counts, batch.tokens.shape[1])
        guess = model.prosody(x, valid[..., None]).log_duration.exp() * valid
        moved += float((guess - batch.durations).abs()[valid].sum())
        tokens += float(valid.sum())
        lengths = batch.durations.sum(1).tolist(), guess.sum(1).tolist()
        for speaker, wanted, given in zip(batch.speakers.tolist(), *lengths, strict=True):
            real[speaker] = real.get(speaker, 0.0) + wanted
            predicted[speaker] = predicted.get(speaker, 0.0) + given
    return error / frames, moved / tokens, {speaker: real[speaker] / predicted[speaker] for speaker in real}
