"""`deepsc say`: a text in a registered user's voice."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from gr_deepsc.english import plain, unspoken
from gr_deepsc.files import keep_apart
from gr_deepsc.session import ContractError
from gr_deepsc.voice.synthesizer import DEFAULT_USER, SPEEDS, Synthesizer
from gr_deepsc.voice.vocoders import DEFAULT as VOCODER
from gr_deepsc.voice.vocoders import VOCODERS

from .. import options
from ..errors import DONE, SOME_FAILED, HostError, printable
from ..files import wav
from ..files.encoding import decoded, named
from ..show.report import complain
from ..sound.player import Player

DESCRIPTION = """\
Speak a text in the voice of a registered user: a duration-based acoustic model and a vocoder, no attention, so
that any text ends. Numbers, money, times, dates, units, addresses and the usual abbreviations are spoken as
words, call signs letter by letter, with pauses at commas and stops. What has no sound in English is left out
and named, and the exit status is 1. An unknown user gets the voice of user 0 and a warning. Needs no GNU Radio.

VOCODERS
  fast        a filtered pulse train and noise, 60 times faster than speech; the default
  wavenet     the paper's, sample by sample: some four seconds for a second of speech; a bar shows how far it is
  griffinlim  a phase found by iteration, no training; for comparison
"""

EXAMPLES = """\
OUTPUT
  With --json one object with the keys: text (the words spoken), user_id, name, seconds, vocoder, rtf (time
  taken / seconds), first_audio_s (from the text to the first sample that could be played: a text is made as a
  whole), load_s (of the models, before that), warnings, file.

EXAMPLES
  deepsc say "the voice at the other end" --user-id 1
  deepsc say "hello world" --out hello.wav --json
  deepsc say "Dr. Smith paid $3.50 at 10:45, didn't he?"
  deepsc say "hello" --vocoder wavenet --out hello.wav
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc say`."""
    add = command.add_argument
    add("text", metavar="TEXT", help="what to say; - reads standard input: UTF-8, UTF-16, or Windows-1252")
    add("--user-id", type=int, default=0, metavar="N", help="whose voice (0)")
    help = f"fast, or wavenet: slower than speech, or griffinlim: untrained ({VOCODER})"
    add("--vocoder", choices=tuple(VOCODERS), default=VOCODER, help=help)
    add("--speed", type=float, default=1.0, metavar="S", help="0.5 to 2 (1)")
    add("--out", metavar="FILE", help="write a wav instead of playing it")
    add("--device", metavar="NAME", help="audio output (the system's default)")
    options.voices(command)
    add("--json", action="store_true", help="one JSON object")


def load_voices(folder: str, vocoder: str = VOCODER, progress: bool = False) -> Synthesizer:
    """The synthesiser of the voices in `folder`, "" for those shipped and one's own; HostError where there is none."""
    try:
        synthesizer = Synthesizer(folder, vocoder, progress)
    except (FileNotFoundError, ContractError) as error:
        raise HostError(f"{error}; `deepsc doctor` says how to mend it") from None
    for sentence in synthesizer.left_out:
        complain(sentence)
    return synthesizer


def run(args: argparse.Namespace) -> int:
    """`deepsc say`."""
    if not SPEEDS[0] <= args.speed <= SPEEDS[1]:
        raise HostError(f"--speed {args.speed:g}: must be {SPEEDS[0]:g} to {SPEEDS[1]:g}")
    if args.out and Path(args.out).suffix.lower() != ".wav":
        raise HostError(f"{args.out}: the file's name must end in .wav")
    if args.out and args.text == "-":
        keep_apart([args.out], ["-"])
    begin = time.perf_counter()
    synthesizer = load_voices(args.voices, args.vocoder, progress=True)
    load = time.perf_counter() - begin
    raw = sys.stdin.buffer.read() if args.text == "-" else os.fsencode(args.text)
    text, encoding = decoded(raw)
    warnings, user_id, words = [], args.user_id, plain(text)
    if encoding != "utf-8":
        warnings.append(f"the text is no UTF-8: taken for {encoding}")
    if lost := unspoken(text):
        warnings.append(f"not spoken: {named(lost)}")
    if user_id not in synthesizer.users:
        warnings.append(f"user {user_id} has no voice here: that of user {DEFAULT_USER}")
        user_id = DEFAULT_USER
    for warning in warnings:
        complain(warning)
    if not words:
        complain("there is nothing to say in this text")
        return SOME_FAILED
    player = None if args.out else Player(args.device)
    begin = time.perf_counter()
    waveform = synthesizer(text, user_id, args.speed)
    took, seconds = time.perf_counter() - begin, len(waveform) / synthesizer.sample_rate
    if player:
        player(waveform, synthesizer.sample_rate)
        player.close()
    else:
        wav.write(args.out, waveform, synthesizer.sample_rate)
    name = synthesizer.users[user_id].name
    if args.json:
        result = {"text": words, "user_id": user_id, "name": name, "seconds": round(seconds, 3)}
        result |= {"vocoder": args.vocoder, "rtf": round(took / seconds, 4)}
        # a text is spoken as a whole: its first sample is ready when its last one is
        result |= {"first_audio_s": round(took, 4), "load_s": round(load, 4)}
        print(json.dumps(result | {"warnings": warnings, "file": args.out}))
    else:
        print(f"{name}, {seconds:.1f} s of speech in {took:.2f} s{f': {printable(args.out)}' if args.out else ''}")
    return SOME_FAILED if lost else DONE
