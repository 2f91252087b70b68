"""Fit what `gr_deepsc.codec.decode` is told of spelling: the words' calibration and the beam's weights."""

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence

import jiwer
import numpy as np
from rapidfuzz.distance import Levenshtein
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata
from tqdm import tqdm

from gr_deepsc.codec.characters import Speller
from gr_deepsc.codec.decode import Decoder
from gr_deepsc.codec.encode import Encoded, Encoder
from gr_deepsc.codec.rates import CODECS, PAPER, RATES
from gr_deepsc.ctc import DECODERS
from gr_deepsc.ctc.beam import Beam
from gr_deepsc.ctc.confidence import DOUBTFUL, Calibration
from gr_deepsc.english import plain
from gr_deepsc.phy import channel
from gr_deepsc.phy.equalise import mmse
from gr_deepsc.phy.frame import deinterleave, interleave

from .data.audio import splits

POINTS = {
    PAPER: (("awgn", 20.0), ("awgn", 0.0), ("awgn", -4.0), ("rayleigh", 2.0)),
    **{
        str(rate): tuple((kind, snr + shift) for kind, snr in (("awgn", 20.0), ("awgn", -9.0), ("rayleigh", -2.0)))
        for rate, shift in zip(RATES, (0.0, 3.0, 6.0), strict=True)
    },
}
LEAST = -60.0  # ln p of a word that cannot be: what is fitted must be finite
WEIGHTS, BONUSES = (0.0, 0.3, 0.45, 0.6), (0.0, 0.5, 0.9, 1.3)
LEANINGS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # a `Speller`'s weights
SURE = 0.9  # confidence from which a word should be right nearly always
BINS = 10


def received(sent: Sequence[Encoded], kind: str, es_n0_db: float, decoder: Decoder) -> Iterator[np.ndarray]:
    """Log-probabilities of every utterance behind a channel, its state known."""
    for seq, each in enumerate(sent):
        rng = np.random.default_rng([7, seq])
        air = channel.transmit(interleave(each.symbols), kind, es_n0_db, rng)
        z, rho = (deinterleave(part) for part in mmse(*air))
        yield decoder.log_probs(z, rho, each.codec)


def right(truth: str, text: str) -> np.ndarray:
    """Which words of `text`, as they are spoken, are in `truth`, aligned: bool [words]."""
    spoken = [plain(word).split() for word in text.split()]
    place = np.repeat(np.arange(len(spoken)), [len(words) for words in spoken])
    wrong = np.zeros(len(spoken), bool)
    for op in Levenshtein.opcodes([word for words in spoken for word in words], truth.split()):
        if op.tag != "equal":
            wrong[place[op.src_start : op.src_end]] = True
    return ~wrong


def fit(log_p: np.ndarray, correct: np.ndarray) -> Calibration:
    """The likeliest slope and offset (Platt 1999)."""

    def surprise(parameters: np.ndarray) -> float:
        logits = parameters[0] * log_p + parameters[1]
        return float(np.mean(np.logaddexp(0, np.where(correct, -logits, logits))))

    slope, offset = minimize(surprise, [0.5, 1.0], method="Nelder-Mead").x
    return Calibration(round(float(slope), 3), round(float(offset), 3))


def area(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Under the ROC curve for "the word is wrong": how often a wrong word has less confidence than a right one."""
    ranks = rankdata(confidence)
    n = int(correct.sum())
    return float((ranks[correct].sum() - n * (n + 1) / 2) / max(1, n * (len(correct) - n)))


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Mean distance between confidence and share of right words, in bins of equally many words."""
    order = np.array_split(np.argsort(confidence), BINS)
    return float(np.mean([abs(confidence[b].mean() - correct[b].mean()) for b in order]))


def choose_beam(heard: Sequence[tuple[str, np.ndarray]], contextual: bool) -> None:
    """Prints the errors by the language model's weight, and for CTC by the bonus a character."""
    truths = [truth for truth, _ in heard]
    tried: dict[tuple, Callable] = {(weight,): Speller(weight) for weight in LEANINGS}
    if not contextual:
        tried = {place: Beam(*place) for place in itertools.product(WEIGHTS, BONUSES)}
    for place, beam in tried.items():
        texts = [beam(log_probs)[0] if contextual else beam(log_probs) for _, log_probs in heard]
        print("   weight, bonus", place, "CER", round(jiwer.cer(truths, list(map(plain, texts))), 4))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `calibrate`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--model", default="default")
    parser.add_argument("--decoder", choices=DECODERS, default=DECODERS[0])
    parser.add_argument("--beam", action="store_true", help="choose the beam's weights as well: minutes")
    parser.add_argument("--utterances", type=int, default=60, help="for the beam")


def run(args: argparse.Namespace) -> None:
    """Prints what was found, and how good it is, on the validation splits."""
    (speech,) = splits(args.corpora, "valid")
    encoder, decoder = Encoder(args.model), Decoder(args.model, decoder=args.decoder)
    pooled: dict[str, list] = {"paper": [], "contextual": []}
    truths = [utterance.text for utterance in speech.utterances]
    features = [encoder.framewise.features(speech[i]) for i in tqdm(range(len(speech)), "features", disable=None)]
    said = [encoder.spell(speech[i], p) for i, p in enumerate(tqdm(features, "reading", disable=None))]
    for rate, points in POINTS.items():
        if rate == PAPER:
            sent = [encoder.at_rate(speech[i], rate) for i in range(len(speech))]
        else:
            sent = [encoder.coded(text, p, int(rate)) for text, p in zip(said, features, strict=True)]
        for kind, snr in points:
            heard = list(zip(truths, received(sent, kind, snr, decoder), strict=True))
            pooled["paper" if rate == PAPER else "contextual"].append(
                (f"{rate} {kind} {snr:g} dB", sent[0].codec, heard)
            )
    for name, sets in pooled.items():
        log_p, correct = [], []
        for _, codec, heard in sets:
            for truth, log_probs in heard:
                text, found = decoder.spell(log_probs, codec)
                log_p.append(np.maximum(found, LEAST))
                correct.append(right(truth, text))
        log_p, correct = np.concatenate(log_p), np.concatenate(correct)
        found = fit(log_p, correct)
        confidence = expit(found.slope * log_p + found.offset)
        doubtful, sure = confidence < DOUBTFUL, confidence >= SURE
        print(f"{name}: {found}, {len(log_p)} words, {correct.mean():.3f} of them right, calibration error "
              f"{calibration_error(confidence, correct):.3f}, area under the curve {area(confidence, correct):.3f}; "
              f"below {DOUBTFUL} are {doubtful.mean():.3f}, of which right {correct[doubtful].mean():.3f}; "
              f"{SURE} and above {sure.mean():.3f}, right {correct[sure].mean():.3f}")  # fmt: skip
        if args.beam:
            step = max(1, len(speech) // args.utterances)
            for label, codec, heard in sets:
                print(f"  {label}")
                choose_beam(heard[::step], codec in CODECS)
