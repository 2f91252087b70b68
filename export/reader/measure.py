"""Error rates of the reader on recordings, against the window that it hears."""

import argparse
from collections.abc import Sequence

from tqdm import tqdm

from gr_deepsc.english import plain

from ..data.audio import Speech, splits
from ..data.batches import grouped
from ..training import options
from ..training.metrics import error_rates
from ..training.optimisation import device_of, half_precision, pick_device
from .decode import Window, most_tokens, read, states_of
from .model import Reader, whisper
from .vocabulary import Vocabulary


def texts(
    reader: Reader,
    vocabulary: Vocabulary,
    speech: Speech,
    window: Window,
    batch_seconds: float = 120.0,
    progress: bool = False,
) -> list[str]:
    """What the reader writes for each utterance."""
    found = [""] * len(speech)
    reader.eval()
    for group in tqdm(grouped(speech.lengths, batch_seconds), "reading", disable=not progress, mininterval=20):
        heard = [window.around(speech[i]) for i in group]
        states, counts = states_of(reader, heard)
        written = read(reader, vocabulary, states, counts, [most_tokens(int(speech.lengths[i])) for i in group])
        for i, text in zip(group, written, strict=True):
            found[i] = text
    return found


def by_corpus(speech: Speech, written: Sequence[str]) -> dict[str, tuple[float, float]]:
    """CER and WER of the plain texts, by corpus."""
    rows: dict[str, list[int]] = {}
    for i, utterance in enumerate(speech.utterances):
        rows.setdefault(utterance.key.split("/")[0], []).append(i)
    read = [plain(text) for text in written]
    return {
        corpus: error_rates([speech.utterances[i].text for i in indices], [read[i] for i in indices])
        for corpus, indices in rows.items()
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `reader windows`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--windows", nargs="+", default=["30", "20", "15", "10", "+5", "+2", "+1"], help="seconds")
    parser.add_argument("--split", choices=("train", "valid"), default="valid")
    options.add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Prints a line for each window and corpus."""
    options.use(args)
    reader, vocabulary = whisper()
    reader.to(pick_device(args.device))
    (speech,) = splits(args.corpora, args.split)
    print(f"{len(speech)} utterances, {speech.seconds / 60:.1f} minutes")
    for text in args.windows:
        with half_precision(device_of(reader)):
            written = texts(reader, vocabulary, speech, Window.parse(text))
        for corpus, (cer, wer) in by_corpus(speech, written).items():
            print(f"window {text:>4} s  {corpus:18} CER {cer:.4f}  WER {wer:.4f}", flush=True)
