"""`deepsc simulate`: recordings through the whole chain and a simulated channel."""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.radio.profiles import DEFAULT, PROFILES
from gr_deepsc.result import Result
from gr_deepsc.simulation import CSI, SILENT, Heard, Setting, Simulation, finished, whole
from gr_deepsc.voice.speaker import Speaker

from .. import options
from ..errors import DONE, SOME_FAILED, HostError, loading, refused
from ..files.recordings import Recording, recordings
from ..files.transcripts import error_rates, read_transcripts
from ..files.writer import Writer
from ..graph.gnuradio import import_gnuradio
from ..show.report import as_line, block, complain, name_error, progress, say
from ..sound.player import Player

DESCRIPTION = """\
Send recordings through the whole modem and a simulated radio path in this process; needs no GNU Radio, and
with --through-gnuradio gives the same results by the blocks of a flowgraph.

Recordings: wav, flac, ogg, opus, mp3, ..., with PyAV m4a, aac, amr, webm; 8 to 192 kHz, mono or stereo,
0.1 s to 10 minutes of speech each; - is standard input. Of a file that was cut, what is there is read, with a
warning. One of more than 28 s is cut at its pauses into utterances, which are sent one after the other; its
result is that of all. The receiver is told nothing of the path: it finds the bursts, and estimates time,
carrier (within 10 % of the symbol rate), clock, fading and noise. With --csi ideal the symbols go through
the channel one by one, and the receiver is told h and N0. awgn, rayleigh and rician are the paper's
channels: one fading coefficient for 128 symbols. Noise and fading follow from --seed and the utterance's
number in the call, so the same call gives the same text, and `deepsc record` with the same options followed
by `deepsc play` gives the same results.

--rate chooses the channel codec: 520, 260 or 130 complex symbols of payload for a second of speech at its usual
pace, by the codec with context, which sends characters; auto, the lowest of them for --target-snr; or paper,
the model's own codec, 500 symbols whatever is said. Preamble, header and pilots come on top: both are printed.
The receiver reads the rate in the burst's header.

With --out or --play, what was recognised is spoken in the voice registered for --user-id (see `deepsc voices`).
"""

EXAMPLES = """\
OUTPUT
  One block a file to read, or with --json one object a line: docs/results.md tells its keys. A word of
  confidence below 0.5 has (?) behind it. SNR is given as Es/N0 per complex symbol of the payload;
  SNR in 3 kHz and C/N0 are of the signal on the air while it is on the air, preamble, header and pilots
  included; energy / N0 is what a second of speech and a word cost.

EXAMPLES
  deepsc simulate hello.wav
  deepsc simulate --rate 130 --snr -2 hello.wav
  deepsc simulate --decoder beam hello.wav
  deepsc simulate --channel rician --snr 8 --json *.flac
  deepsc simulate --snr -6 --cfo-hz 4000 --clock-ppm 100 --delay-samples 1234.5 hello.wav
  deepsc simulate --model compact --channel none --out results/ speech.opus
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc simulate`."""
    command.add_argument("files", nargs="+", metavar="FILE", help="recording of speech")
    add_setting(command)
    command.add_argument("--through-gnuradio", action="store_true", help="by the blocks of a GNU Radio flowgraph")
    options.json(command)
    help = "write NAME.txt, NAME.json, NAME.received.wav and NAME.png (spectrograms) of each FILE there"
    command.add_argument("--out", metavar="DIR", help=help)
    options.audio_output(command)
    options.voices(command)
    options.transcripts(command, "to show beside the received ones")


def add_setting(command: argparse.ArgumentParser) -> None:
    """What `setting_of` reads, and --user-id."""
    options.model(command)
    options.rate(command)
    options.preamble(command)
    options.reader(command)
    options.decoder(command)
    help = f"whole modem, or symbol by symbol with h and N0 told to the receiver ({CSI[0]})"
    command.add_argument("--csi", choices=CSI, default=CSI[0], help=help)
    help = f"what radio the symbol rate is for ({DEFAULT})"
    command.add_argument("--profile", choices=tuple(PROFILES), default=DEFAULT, help=help)
    options.path(command, "awgn")


def run(args: argparse.Namespace) -> int:
    """`deepsc simulate`."""
    transcripts = read_transcripts(args.transcripts) if args.transcripts else {}
    writer = Writer(args.out, args.files, args.transcripts) if args.out else None
    player = _player(args) if args.play else None
    status = DONE if player or writer or not args.play else SOME_FAILED
    setting = setting_of(args)
    options.tell_rate(args)
    with _simulation(args, setting, speak=bool(player or writer)) as simulation:
        for recording in recordings(progress(args.files)):
            result, speech = _heard(recording, simulation, setting, args.user_id)
            path = recording.path
            result = replace(result, file=str(path))
            name = Path(path).stem
            if name in transcripts:
                said = transcripts[name]
                result = replace(result, reference=said, cer=error_rates(result, said).get("cer"))
            if writer:
                result = writer.write(recording, result, speech)
            if player and len(speech):
                player(speech, SAMPLE_RATE)
            if args.json:
                say(as_line(result), sys.stdout)
            elif not result.lost:
                say(block(result), sys.stdout, end="\n\n")
            if result.error and not args.json:
                complain(name_error(path, result.error))
            if result.lost or result.error:
                status = SOME_FAILED
        if player:
            player.close()
    return status


def _heard(recording: Recording, simulation: Callable[..., Heard], setting: Setting, user_id: int) -> Heard:
    """What becomes of a recording: of all its utterances together."""
    if recording.error:
        unsent = Result(lost=True).failed(recording.error.error_type, str(recording.error))
        return Heard(finished(unsent, setting, recording.seq, user_id), SILENT)
    heard = [
        simulation(samples, recording.sample_rate, recording.seq + k, user_id)
        for k, samples in enumerate(progress(recording.utterances, "utterance"))
    ]
    result, speech = whole(heard, setting)
    warning = "; ".join(filter(None, [recording.warning, result.warning])) or None
    return Heard(replace(result, warning=warning), speech)


def setting_of(args: argparse.Namespace) -> Setting:
    """What the options say; HostError where there is no such path."""
    setting = Setting(
        model=args.model,
        rate=args.rate,
        target_snr_db=args.target_snr,
        preamble=args.preamble or PROFILES[args.profile].preamble,
        decoder=args.decoder,
        reader=args.reader,
        channel=args.channel,
        es_n0_db=args.snr,
        rician_k=args.rician_k,
        seed=args.seed,
        csi=args.csi,
        cfo_hz=args.cfo_hz,
        clock_ppm=args.clock_ppm,
        drift_hz_s=args.drift_hz_s,
        delay_samples=args.delay_samples,
        symbol_rate=args.symbol_rate or PROFILES[args.profile].symbol_rate,
    )
    with refused(ValueError):
        setting.path()
    return setting


def _simulation(
    args: argparse.Namespace, setting: Setting, speak: bool
) -> AbstractContextManager[Callable[..., Heard]]:
    """What takes samples, their rate, the utterance's number and a user ID, and gives what is heard."""
    if args.through_gnuradio:
        import_gnuradio()
        from ..graph.simulation import FlowgraphSimulation

        return FlowgraphSimulation(setting, speak, args.voices)
    with loading("the voices"):
        speaker = Speaker(args.voices) if speak else None
    with loading(f"the model {args.model}"):
        return nullcontext(Simulation(setting, speaker))


def _player(args: argparse.Namespace) -> Player | None:
    """None where there is nothing to play through: all else is still done."""
    try:
        return Player(args.device)
    except HostError as error:
        complain(f"not played: {error}")
        return None
