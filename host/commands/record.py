"""`deepsc record`: recordings of speech to a file of what a radio would send."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.encode import Encoder
from gr_deepsc.phy import channel, impair, utterance
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.radio.profiles import Profile
from gr_deepsc.speech import audio

from ..errors import DONE, SOME_FAILED, HostError
from ..files.baseband import BasebandWriter, profile_of
from ..show.report import complain, name_error, read_transcripts

BETWEEN = 1 << 10  # samples between the bursts of one utterance


class Sender:
    """Speech to samples, 4 a symbol: the encoder, the bursts, and the path if there is one.

    Args:
        level_db: mean power of the payload, and of the noise that a path adds to it, in dB of full scale.
        air: None for the transmitter's own signal.
        gap: samples of silence before and behind an utterance.
    """

    def __init__(self, encoder: Encoder, level_db: float, air: Air | None, gap: int, seed: int) -> None:
        self._encoder = encoder
        self._air, self._gap, self._seed = air, gap, seed
        noisy = air is not None and air.kind != "none"
        noise = channel.noise_variance(air.es_n0_db) if noisy else 0.0
        self._gain = np.float32(10 ** (level_db / 20) / np.sqrt(1 / SAMPLES_PER_SYMBOL + noise))
        # the transmitter's limiter, before the path
        self._limit = np.sqrt(1 / SAMPLES_PER_SYMBOL) * 10 ** (-level_db / 20)

    def __call__(self, path: str, user_id: int, seq: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Samples of an utterance with silence around it, complex64 [n], and (start, count) of each burst.

        Raises:
            AudioError: the recording cannot be sent.
        """
        sent = self._encoder(audio.check(*audio.read(path)))
        parts, marks = [np.zeros(self._gap, np.complex64)], []
        for burst in utterance.split(sent.symbols, sent.codec, user_id, seq):
            marks.append((sum(map(len, parts)), len(burst)))
            parts += [impair.clip(burst, self._limit), np.zeros(BETWEEN, np.complex64)]
        samples = np.concatenate([*parts, np.zeros(self._gap, np.complex64)])
        if self._air is not None:
            samples = self._air(samples, np.random.default_rng([self._seed, seq]))
            late, slow = self._air.delay, 1 + 1e-6 * self._air.clock_ppm
            marks = [(round(start * slow + late), round(count * slow)) for start, count in marks]
        return self._gain * samples, marks


def run(args: argparse.Namespace) -> int:
    """`deepsc record`."""
    transcripts = read_transcripts(args.transcripts) if args.transcripts else {}
    profile = profile_of(args.out, args.profile)
    if args.symbol_rate:
        profile = profile._replace(symbol_rate=args.symbol_rate)
    try:
        air = _air(args, profile)
    except ValueError as error:
        raise HostError(str(error)) from None
    gap = max(1, round(args.gap * profile.baseband_rate))
    try:
        encoder = Encoder(args.model, args.rate, args.target_snr)
    except (OSError, ValueError, RuntimeError) as error:
        raise HostError(f"cannot load the model {args.model}: {error}") from None
    sender = Sender(encoder, args.level, air, gap, args.seed)
    try:
        with ExitStack() as files:
            writer, sent = _write(args, profile, sender, transcripts, files)
    except IqFileError as error:
        raise HostError(str(error)) from None
    if writer is None:
        raise HostError(f"{args.out} was not written: none of the recordings can be sent")
    seconds = writer.samples / profile.sample_rate
    clipped = f", {writer.clipped} of them clipped" if writer.clipped else ""
    print(
        f"{args.out}: {sent} utterances, {seconds:.2f} s at {profile.sample_rate:g} samples a second{clipped}"
    )
    return DONE if sent == len(args.files) else SOME_FAILED


def _write(
    args: argparse.Namespace, profile: Profile, sender: Sender, transcripts: dict[str, str], files: ExitStack
) -> tuple[BasebandWriter | None, int]:
    """The file, None where nothing can be sent, and how many recordings are in it."""
    writer, sent, position = None, 0, 0
    for seq, path in enumerate(tqdm(args.files, unit="file", disable=_quiet(len(args.files)))):
        try:
            samples, marks = sender(path, args.user_id, seq)
        except audio.AudioError as error:
            complain(name_error(path, str(error)))
            continue
        if writer is None:
            writer = files.enter_context(
                BasebandWriter(args.out, profile, args.datatype, _describe(args, profile))
            )
        for k, (start, count) in enumerate(marks):
            label = f"burst {k + 1}/{len(marks)} of user {args.user_id}, utterance {seq}"
            writer.mark(position + start, count, label, transcripts.get(Path(path).stem, ""))
        writer.write(samples)
        sent, position = sent + 1, position + len(samples)
    return writer, sent


def _air(args: argparse.Namespace, profile: Profile) -> Air | None:
    cfo = args.cfo_hz / profile.symbol_rate
    air = Air(args.channel, args.snr, cfo, args.clock_ppm, args.delay_samples, args.rician_k)
    return None if air == Air("none", args.snr, rician_k=args.rician_k) else air


def _describe(args: argparse.Namespace, profile: Profile) -> str:
    path = "" if args.channel == "none" else f", {args.channel} at Es/N0 {args.snr:g} dB"
    return (
        f"DeepSC-ST bursts, {profile.symbol_rate:g} symbols/s at {profile.offset:g} Hz from the centre{path}"
    )


def _quiet(count: int) -> bool:
    return count < 2 or not sys.stderr.isatty()
