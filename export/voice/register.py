"""A voice for another user: recordings of one speaker in, an acoustic model of that user alone out.

It is the shipped one, which goes on learning: from the recordings, and beside them from what it says now in the shipped
voices, so that a few minutes of one speaker do not teach it that nobody ever speaks otherwise (rehearsal; Robins 1995).
The vocoder knows no users and stays as it is.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gr_deepsc.voice.files import VOICE

from ..data.corpora import CorpusError, load
from ..training import checkpoint
from ..training.run import Plan
from .acoustic.export import export, load_acoustic, read_acoustic
from .acoustic.model import Acoustic, AcousticDims
from .acoustic.realign import refine
from .acoustic.train import Course, Training
from .mel import FRAME_RATE
from .spoken import Spoken, Voices, begin, edged, edged_phones, prepare

PITCH = (5.0, 0.25)  # mean and deviation of log F0 that rehearsed pitch is written down with
VALID = 20  # where no recording is marked `valid`, each 20th is held out
# Small batches, many steps: a quarter of an hour of speech is soon heard. Nearly all of what is new is the speaker.
COURSE = Course(frames=1500, text_first=0.0, realign_at=(), eager=10.0)
RISE = (20, "steps")
MINUTES = {"cpu": 20.0, "cuda": 4.0}


def recordings(folder: Path, cache: Path, user: int) -> tuple[list[Spoken], list[Spoken]]:
    """Training and validation recordings of the one speaker in `folder`, who becomes `user`.

    Raises:
        CorpusError: more than one speaker, or nothing to train on.
    """
    utterances = [u for u in load(folder) if u.split != "test"]
    speakers = sorted({u.speaker for u in utterances})
    if len(speakers) != 1:
        raise CorpusError(f"{folder}: {len(speakers)} speakers are marked for training, a voice is of one")
    found = prepare(utterances, cache, speakers)
    for item in found:
        item.speaker = user
    marked = {u.key for u in utterances if u.split == "valid"} or {item.key for item in found[VALID // 2 :: VALID]}
    train = [item for item in found if item.key not in marked]
    if not train:
        raise CorpusError(f"{folder}: no recording is left to train on; is each text what is said in its recording?")
    return train, [item for item in found if item.key in marked] or train[:1]


@torch.inference_mode()
def rehearsal(model: Acoustic, texts: Sequence[str], users: int) -> list[Spoken]:
    """What `model` says now: each text by one of its first `users` in turn, durations rounded to whole frames."""
    found = []
    for i, text in enumerate(texts):
        user, tokens, phones = i % users, np.array(edged(text)), torch.tensor(edged_phones(text))
        _, x = model.states(torch.from_numpy(tokens)[None], phones[None], torch.tensor([user]))
        prosody = model.prosody(x, None)
        lengths = model.durations(prosody, torch.tensor([user])).round()
        steps = int((lengths.sum() / 2).ceil())
        _, mel = model.decode(x, lengths, prosody.pitch, None, steps)
        durations = lengths[0].long().numpy()
        mel = (mel * model.mel_scale + model.mel_mean)[0, : durations.sum()].numpy().astype(np.float16)
        mean, deviation = PITCH
        f0 = np.repeat(np.exp(mean + deviation * prosody.pitch[0].numpy()), durations).astype(np.float32)
        found.append(Spoken(f"rehearsal/{user}/{text}", text, user, tokens, mel, f0, durations, None))
    return found


def learn(corpus: Path, work: Path, minutes: float | None = None) -> tuple[Acoustic, float]:
    """Trains a model of the one speaker in `corpus`; goes on where it was if it was interrupted.

    Args:
        work: folder of what is computed on the way, and of the run.
        minutes: of training, earlier sessions included; by default as many as the device needs.

    Returns:
        The model, with one user, and seconds of the recordings that it was trained on.

    Raises:
        CorpusError: no corpus of one speaker.
    """
    model = read_acoustic(VOICE / "acoustic.onnx")
    user = len(model.speaker.weight)
    train, valid = recordings(corpus, work, user)
    refine(model, [*train, *valid])
    said = rehearsal(model, [item.text for item in train], user)
    said_valid = rehearsal(model, [item.text for item in valid for _ in range(user)], user)
    known = model.speaker.weight.detach()
    initial = model.state_dict() | {"speaker.weight": torch.cat([known, known.mean(0, keepdim=True)])}
    voices = Voices(list(map(str, range(user + 1))), train + said, valid + said_valid)
    voices.pitch[:user] = [PITCH] * user
    learner = begin(Acoustic(AcousticDims(speakers=user + 1)), voices, initial)
    # how letters sound is known: a few minutes of speech would only teach the encoder their own words
    learner.encoder.requires_grad_(False)
    run = work / f"run-{checkpoint.digest(model, [item.key for item in train])[:12]}"  # other recordings, another run
    minutes = minutes or MINUTES["cuda" if torch.cuda.is_available() else "cpu"]
    plan = Plan(run, (minutes, "minutes"), RISE, save_every=(2.0, "minutes"))
    Training(plan, learner, voices, course=COURSE).train()
    return alone(load_acoustic(run)[0], user), sum(item.frames for item in train) / FRAME_RATE


def alone(model: Acoustic, user: int) -> Acoustic:
    """The same model with the speaker `user` only."""
    model.speaker = nn.Embedding.from_pretrained(model.speaker.weight[user : user + 1].detach())
    model.stretch = model.stretch[user : user + 1].clone()
    return model


def write(model: Acoustic, path: Path, user_id: int, name: str, licence: str, seconds: float) -> None:
    """The file of the user that `learn` gave the model of, and `seconds` of recordings."""
    data = f"{name}: {seconds / 3600:.2f} h, beside the shipped model's own speech"
    export(model, {name: licence}, path, data, user_id)
