"""A voice for another user: recordings of one speaker in, a folder of voices with one user more out.

FOLDER holds wavs/ and metadata.csv with lines `id|what was said|speaker|train`. The users that are there already need
none of their recordings: what the model says for them now is trained on beside the new recordings, so that it goes on
saying it (rehearsal; Robins 1995). The vocoder knows no users and stays as it is.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch

from gr_deepsc.voice.files import VOICE

from ..data.corpora import CorpusError, load
from ..training import options
from ..training.options import WORK
from ..training.run import Plan
from .acoustic.export import export, load_acoustic, read_acoustic
from .acoustic.model import Acoustic, AcousticDims
from .acoustic.realign import refine
from .acoustic.teach import validate
from .acoustic.train import Course, Training
from .mel import FRAME_RATE
from .spoken import SYNTHETIC, Spoken, Voices, begin, edged, edged_phones, prepare

PITCH = (5.0, 0.25)  # mean and deviation of log F0 that rehearsed pitch is written down with
VALID = 20  # where no recording is marked `valid`, each 20th is held out
# Small batches, many steps: a quarter of an hour of speech is soon heard. Nearly all of what is new is the speaker.
COURSE = Course(frames=1500, text_first=0.0, realign_at=(), eager=10.0)
RISE = (20, "steps")


def known_users(path: Path) -> list[tuple[str, str]]:
    """Names and licences of the users of an exported acoustic model."""
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return [(entry["name"], entry["licence"]) for entry in json.loads(metadata["users"])]


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


def register(
    folder: Path,
    name: str,
    licence: str,
    minutes: float,
    voices: Path = VOICE,
    out: Path = WORK / "voices",
    cache: Path = WORK / "cache",
    device: str | None = None,
) -> int:
    """Trains, exports `out`/acoustic.onnx with the vocoders of `voices` beside it, and returns the new user's ID.

    Raises:
        CorpusError: `folder` is no corpus of one speaker.
        ValueError: the name is taken, or kept for synthetic speech.
    """
    users = known_users(voices / "acoustic.onnx")
    user = len(users)
    if name in [known for known, _ in users] or name.startswith(SYNTHETIC):
        taken = ", ".join(known for known, _ in users)
        raise ValueError(f"{name}: this name is taken; registered are {taken}")
    model = read_acoustic(voices / "acoustic.onnx")
    train, valid = recordings(folder, cache, user)
    seconds = sum(item.frames for item in train) / FRAME_RATE
    print(f"{name}: {len(train)} recordings, {seconds / 60:.1f} minutes, to be user {user}")
    print(f"realigned: a cut moved by {refine(model, [*train, *valid]):.2f} mel frames in the mean")
    said = rehearsal(model, [item.text for item in train], user)
    said_valid = rehearsal(model, [item.text for item in valid for _ in range(user)], user)
    known = model.speaker.weight.detach()
    initial = model.state_dict() | {"speaker.weight": torch.cat([known, known.mean(0, keepdim=True)])}
    all_voices = Voices([*(known for known, _ in users), name], train + said, valid + said_valid)
    all_voices.pitch[:user] = [PITCH] * user
    learner = begin(Acoustic(AcousticDims(speakers=user + 1)), all_voices, initial)
    # how letters sound is known: a few minutes of speech would only teach the encoder their own words
    learner.encoder.requires_grad_(False)
    plan = Plan(out / f"run-{user}", (minutes, "minutes"), RISE, device=device)
    training = Training(plan, learner, all_voices, course=COURSE)
    training.train()
    forgotten, *_ = validate(training.run.average("acoustic"), said_valid, all_voices.pitch)
    print(f"the other users' mels moved by {forgotten:.3f} nepers ({8.686 * forgotten:.1f} dB) in the mean")
    model, names = load_acoustic(plan.folder)
    data = f"{name}: {seconds / 3600:.2f} h, beside the earlier model's own speech"
    export(model, names, out / "acoustic.onnx", data, dict([*users, (name, licence)]))
    for vocoder in voices.glob("*.onnx"):
        if vocoder.name != "acoustic.onnx" and voices.resolve() != out.resolve():
            shutil.copy(vocoder, out)
    return user


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice register`."""
    parser.add_argument("folder", type=Path, help="recordings of one speaker: metadata.csv and wavs/")
    parser.add_argument("--name", required=True, help="of the user, as `deepsc voices` lists it")
    parser.add_argument("--licence", required=True, help="of the recordings, for instance CC0, or private")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training")
    parser.add_argument("--voices", type=Path, default=VOICE, help="folder of the voices that are there already")
    parser.add_argument("--out", type=Path, default=WORK / "voices", help="folder of all voices, the new one too")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    options.add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Registers the user; a run that was interrupted goes on where it was."""
    options.use(args)
    paths = args.voices, args.out, args.cache
    user = register(args.folder, args.name, args.licence, args.minutes, *paths, args.device)
    print(f"user {user}, {args.name}: {args.out}")
