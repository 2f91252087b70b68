"""`deepsc say` and `deepsc voices`: a text in a registered user's voice."""

import argparse
import json
import sys
import time
from pathlib import Path

from gr_deepsc.session import ContractError
from gr_deepsc.text import spoken
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.synthesizer import DEFAULT_USER, SPEEDS, Synthesizer

from ..errors import DONE, SOME_FAILED, HostError
from ..sound import player as speech


def run(args: argparse.Namespace) -> int:
    """`deepsc say` or `deepsc voices`."""
    return _voices(args) if args.command == "voices" else _say(args)


def _synthesizer(folder: str, **options: str | bool) -> Synthesizer:
    try:
        return Synthesizer(folder or VOICE, **options)
    except (FileNotFoundError, ContractError) as error:
        raise HostError(f"{error}; `deepsc doctor` says how to mend it") from None


def _voices(args: argparse.Namespace) -> int:
    for user_id, user in _synthesizer(args.voices).users.items():
        entry = {"user_id": user_id, "name": user.name, "licence": user.licence}
        print(json.dumps(entry) if args.json else f"{user_id:>5}  {user.name:<16} {user.licence}")
    return DONE


def _say(args: argparse.Namespace) -> int:
    if not SPEEDS[0] <= args.speed <= SPEEDS[1]:
        raise HostError(f"--speed {args.speed:g}: must be {SPEEDS[0]:g} to {SPEEDS[1]:g}")
    if args.out and Path(args.out).suffix.lower() != ".wav":
        raise HostError(f"{args.out}: the file's name must end in .wav")
    begin = time.perf_counter()
    synthesizer = _synthesizer(args.voices, vocoder=args.vocoder, progress=True)
    load = time.perf_counter() - begin
    text, lost = spoken(sys.stdin.read() if args.text == "-" else args.text)
    warnings, user_id = [], args.user_id
    if lost:
        warnings.append(f"not spoken: {lost} (spell numbers out)")
    if user_id not in synthesizer.users:
        warnings.append(f"user {user_id} has no voice here: that of user {DEFAULT_USER}")
        user_id = DEFAULT_USER
    for warning in warnings:
        print(f"deepsc: {warning}", file=sys.stderr)
    if not text:
        print("deepsc: there is nothing to say in this text", file=sys.stderr)
        return SOME_FAILED
    player = None if args.out else speech.Player(args.device)
    begin = time.perf_counter()
    waveform = synthesizer(text, user_id, args.speed)
    took, seconds = time.perf_counter() - begin, len(waveform) / synthesizer.sample_rate
    if player:
        player(waveform, synthesizer.sample_rate)
        player.close()
    else:
        speech.write(args.out, waveform, synthesizer.sample_rate)
    name = synthesizer.users[user_id].name
    if args.json:
        result = {"text": text, "user_id": user_id, "name": name, "seconds": round(seconds, 3)}
        result |= {"vocoder": args.vocoder, "rtf": round(took / seconds, 4)}
        # a text is spoken as a whole: its first sample is ready when its last one is
        result |= {"first_audio_s": round(took, 4), "load_s": round(load, 4)}
        print(json.dumps(result | {"warnings": warnings, "file": args.out}))
    else:
        print(f"{name}, {seconds:.1f} s of speech in {took:.2f} s{f': {args.out}' if args.out else ''}")
    return DONE
