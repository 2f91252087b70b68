"""`deepsc record`: recordings of speech to a file of what a radio would send."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from gr_deepsc.chain import GAP_S, Transmitter
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.files import keep_apart
from gr_deepsc.phy import air as radio
from gr_deepsc.phy.framer import LEVEL_DB, Framer
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.radio.iqfile.common import file_pair
from gr_deepsc.radio.profiles import Profile
from gr_deepsc.speech import audio

from .. import options
from ..errors import DONE, SOME_FAILED, HostError, loading, printable, refused
from ..files.baseband import BasebandWriter, profile_of
from ..files.recordings import recordings
from ..files.transcripts import read_transcripts
from ..show.report import complain, name_error, progress

DESCRIPTION = """\
Write what a radio would send for recordings of speech to a file; needs no GNU Radio.

NAME.sigmf-meta makes a SigMF recording (NAME.sigmf-data beside it), NAME.wav the audio band: 48 kHz, 16 bits,
the signal 1.5 kHz wide about 1500 Hz, for the microphone input of a single-sideband transceiver. An older file
of the same name is replaced once the new one is whole; one that is read never is. SigMF recordings mark each
burst, with its text if --transcripts has it. With --channel and the options below it, the signal goes through a
simulated path first, as in `deepsc simulate`. Recordings of up to 10 minutes are cut at their pauses into
utterances of at most 28 s.
"""

EXAMPLES = """\
EXAMPLES
  deepsc record hello.wav --out hello.sigmf-meta
  deepsc record *.flac --out faded.sigmf-meta --channel rayleigh --snr 6 --cfo-hz 2000 --datatype ci8
  deepsc record hello.wav --out hackrf.sigmf-meta --profile hackrf    # 2 Msample/s, 250 kHz off the centre
  deepsc record hello.wav --out ssb.wav
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc record`."""
    add = command.add_argument
    add("files", nargs="+", metavar="FILE", help="recording of speech")
    add("--out", required=True, metavar="NAME", help="NAME.sigmf-meta, or NAME.wav for the audio band")
    options.model(command)
    options.rate(command)
    options.preamble(command)
    options.reader(command)
    options.file_profile(command)
    types = ("cf32_le", "ci16_le", "ci8")
    add("--datatype", choices=types, default=types[0], help=f"of SigMF samples ({types[0]})")
    help = f"mean power of the signal, dB of full scale ({LEVEL_DB:g})"
    add("--level", type=options.number(float, -60, 0), default=LEVEL_DB, metavar="DB", help=help)
    help = f"silence before and behind a burst ({GAP_S:g})"
    add("--gap", type=options.number(float, 0, 3600), default=GAP_S, metavar="S", help=help)
    options.transcripts(command, "for the marks")
    options.path(command, "none")


def run(args: argparse.Namespace) -> int:
    """`deepsc record`."""
    transcripts = read_transcripts(args.transcripts) if args.transcripts else {}
    profile = profile_of(args.out, args.profile)
    _check_name(args)
    if args.symbol_rate:
        profile = profile._replace(symbol_rate=args.symbol_rate)
    framer = Framer(args.level, max(1, round(args.gap * profile.baseband_rate)), args.preamble or profile.preamble)
    with refused(ValueError):
        path = _path(args, profile)
    options.tell_rate(args)
    with loading(f"the model {args.model}"):
        transmitter = Transmitter(Encoder(args.model, args.rate, args.target_snr, reader=args.reader), framer, path)
    with refused(IqFileError), ExitStack() as files:
        writer, sent, refused_files = _write(args, profile, transmitter, framer.silence, transcripts, files)
    if writer is None:
        raise HostError(f"{args.out} was not written: none of the recordings can be sent")
    seconds = writer.samples / profile.sample_rate
    clipped = f", {writer.clipped} of them clipped" if writer.clipped else ""
    at = f"{profile.sample_rate:g} samples a second{clipped}"
    print(f"{printable(args.out)}: {sent} utterances, {seconds:.2f} s at {at}")
    return SOME_FAILED if refused_files else DONE


def _check_name(args: argparse.Namespace) -> None:
    """HostError, where the file would not have this name; FileError, where it is one that is read."""
    name = Path(args.out)
    if name.suffix.lower() == ".wav":
        outputs = [name]
    elif name.suffix in ("", ".sigmf-meta", ".sigmf-data"):
        outputs = list(file_pair(name))
    else:
        raise HostError(f"{args.out}: the file's name must end in .sigmf-meta, or in .wav for the audio band")
    keep_apart(outputs, [*args.files, *filter(None, [args.transcripts])])


def _write(
    args: argparse.Namespace,
    profile: Profile,
    transmitter: Transmitter,
    silence: int,
    transcripts: dict[str, str],
    files: ExitStack,
) -> tuple[BasebandWriter | None, int, int]:
    """The file, None where nothing can be sent; utterances in it; recordings of which some is not.

    `silence`: samples before each burst.
    """
    writer, count, failed, position = None, 0, 0, 0
    for recording in recordings(progress(args.files)):
        errors = [recording.error] if recording.error else []
        for seq, samples in enumerate(progress(recording.utterances, "utterance"), recording.seq):
            try:
                sent = transmitter(audio.check(samples, recording.sample_rate), args.user_id, seq)
            except audio.AudioError as refusal:
                errors.append(refusal)
                continue
            if writer is None:
                about = _describe(args, profile)
                writer = files.enter_context(BasebandWriter(args.out, profile, args.datatype, about))
            for k, burst in enumerate(sent.bursts):
                label = f"burst {k + 1}/{len(sent.bursts)} of user {args.user_id}, utterance {seq}"
                late = args.delay_samples if k == 0 else args.delay_samples % 1
                lead = silence * (1 + 1e-6 * args.clock_ppm)
                first, length = position + round(lead + late), round(len(burst) - 2 * lead - late)
                writer.mark(first, length, label, transcripts.get(Path(recording.path).stem, ""))
                writer.write(burst)
                position += len(burst)
            count += 1
        if recording.warning:
            complain(f"{recording.path}: {recording.warning}")
        for error in errors:
            complain(name_error(recording.path, str(error)))
        failed += bool(errors)
    return writer, count, failed


def _path(args: argparse.Namespace, profile: Profile) -> radio.Path | None:
    """None where the transmitter's own signal is wanted."""
    cfo, drift = args.cfo_hz / profile.symbol_rate, args.drift_hz_s / profile.symbol_rate**2
    air = radio.Air(args.channel, args.snr, cfo, args.clock_ppm, args.delay_samples, args.rician_k, drift=drift)
    return None if air == radio.Air("none", args.snr, rician_k=args.rician_k) else radio.Path(air, args.seed)


def _describe(args: argparse.Namespace, profile: Profile) -> str:
    path = "" if args.channel == "none" else f", {args.channel} at Es/N0 {args.snr:g} dB"
    return f"DeepSC-ST bursts, {profile.symbol_rate:g} symbols/s at {profile.offset:g} Hz from the centre{path}"
