"""What becomes of damaged files: `python tests/mutated.py [NUMBER [SEED]]` damages and reads 2,000, or so many.

Recordings of speech in all formats that are read, by `recordings`, as `simulate`, `record` and `send` do; SigMF
recordings and wav of the audio band by `deepsc play`, with models that need no training. Each is damaged in one way:
bits flipped, cut, bytes of the header replaced, a piece left out or put in twice. Read or refused in one line is right;
an exception of any other kind is a traceback, and is counted with the file that did it.
"""

import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import fixture_models
import numpy as np
import soundfile
from deepsc_host.files.recordings import recordings
from host_process import deepsc_here

from gr_deepsc.speech import audio

HEADER = 96  # bytes at the beginning that count as such
BATCH = 20  # files of a call of `deepsc play`
FORMATS = {
    "pcm.wav": ("WAV", "PCM_16"), "float.wav": ("WAV", "FLOAT"), "gsm.wav": ("WAV", "GSM610"), "a.flac": ("FLAC", None),
    "a.ogg": ("OGG", "VORBIS"), "a.opus": ("OGG", "OPUS"), "a.mp3": ("MP3", None), "a.aiff": ("AIFF", None),
    "a.au": ("AU", None), "a.caf": ("CAF", None), "a.w64": ("W64", None), "a.rf64": ("RF64", "PCM_16"),
}  # fmt: skip


def sound_files(folder: Path) -> list[Path]:
    """A second of speech-like sound in each format; m4a and webm where PyAV can write them."""
    samples = np.tile(fixture_models.speak("hello"), 2)
    for name, (format, subtype) in FORMATS.items():
        soundfile.write(folder / name, samples, 16000, format=format, subtype=subtype)
    for name, codec in (("a.m4a", "aac"), ("a.webm", "libopus")):
        _foreign(folder / name, codec, samples)
    return sorted(folder.iterdir())


def _foreign(path: Path, codec: str, samples: np.ndarray) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 3)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        frame.pts = 0
        for each in [frame, None]:
            container.mux(stream.encode(each))


def radio_files(folder: Path, model: Path) -> list[Path]:
    """A burst as SigMF of two kinds, and in the audio band; the file of each that is damaged lies beside the others."""
    soundfile.write(folder / "said.wav", fixture_models.speak("a"), 16000, subtype="FLOAT")
    common = ("record", folder / "said.wav", "--model", model, "--rate", "paper", "--gap", "0.05", "--out")
    for name, options in (("f.sigmf-meta", ()), ("i.sigmf-meta", ("--datatype", "ci8")), ("band.wav", ())):
        assert deepsc_here(*common, folder / name, *options).returncode == 0
    (folder / "said.wav").unlink()
    return sorted(folder.iterdir())


def damage(raw: bytes, chance: random.Random) -> bytes:
    """One kind of damage, drawn."""
    data = bytearray(raw)
    match chance.randrange(6):
        case 0:  # bits anywhere
            for _ in range(chance.choice([1, 4, 64])):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 1:  # cut
            del data[chance.randrange(len(data)) :]
        case 2:  # bytes of the header
            for _ in range(chance.choice([1, 2, 8])):
                data[chance.randrange(min(HEADER, len(data)))] = chance.choice(
                    [0, 0xFF, 0x7F, 0x80, chance.randrange(256)]
                )
        case 3:  # a number of the header: nothing, or as much as can be
            place = chance.randrange(min(HEADER, len(data)))
            data[place : place + 4] = chance.choice([bytes(4), b"\xff" * 4, b"\xff\xff\xff\x7f"])
        case 4:  # a piece left out
            place = chance.randrange(len(data))
            del data[place : place + chance.randrange(1, 5000)]
        case 5:  # a piece twice
            place = chance.randrange(len(data))
            data[place:place] = data[place : place + chance.randrange(1, 5000)]
    return bytes(data)


def read_sound(path: Path) -> str:
    """read, or the word of its refusal."""
    [recording] = recordings([str(path)])
    for samples in recording.utterances:
        try:
            audio.check(samples, recording.sample_rate)
        except audio.AudioError as error:
            return error.error_type
    return recording.error.error_type if recording.error else "read"


def run(number: int, seed: int = 1) -> tuple[Counter, list[str], float]:
    """How often what became of them; files that did what they must not, with what they did; seconds of the slowest."""
    chance, outcomes, bad, slowest = random.Random(seed), Counter[str](), list[str](), 0.0

    def attempt(what: str, work: Callable[[], list[str]]) -> None:
        nonlocal slowest
        begin = time.monotonic()
        try:
            outcomes.update(work())
        except (Exception, SystemExit) as error:
            bad.append(f"{what}: {''.join(traceback.format_exception(error))}")
        slowest = max(slowest, time.monotonic() - begin)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = fixture_models.write(folder / "model")
        for each in ("sound", "radio", "damaged"):
            (folder / each).mkdir()
        sounds, radios = sound_files(folder / "sound"), radio_files(folder / "radio", model)
        radio = number // 4
        for k in range(number - radio):
            source = sounds[k % len(sounds)]
            path = folder / "damaged" / f"{k}{source.suffix}"
            path.write_bytes(damage(source.read_bytes(), chance))
            attempt(f"{source.name} #{k}", lambda path=path: [read_sound(path)])
            path.unlink()
        for first in range(0, radio, BATCH):
            paths = []
            for k in range(first, min(first + BATCH, radio)):
                source = radios[k % len(radios)]
                into = folder / "damaged" / f"r{k}"
                into.mkdir()
                for each in radios:
                    if each.stem == source.stem:
                        raw = each.read_bytes()
                        (into / each.name).write_bytes(damage(raw, chance) if each == source else raw)
                paths.append(into / source.name)
            attempt(f"play of {first}...", lambda paths=paths: play(paths, model))
    return outcomes, bad, slowest


def play(paths: list[Path], model: Path) -> list[str]:
    """What becomes of each file of a call: as `read_sound`."""
    done = deepsc_here("play", "--json", "--model", model, *paths)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    told = {result["file"]: result["error_type"] or "read" for result in results}
    assert set(told) == set(map(str, paths)), f"{set(map(str, paths)) - set(told)} have no result: {done.stderr}"
    return list(told.values())


if __name__ == "__main__":
    number, seed = (*map(int, sys.argv[1:3]), *(2000, 1)[len(sys.argv[1:3]) :])
    begin = time.monotonic()
    outcomes, bad, slowest = run(number, seed)
    print(*bad, sep="\n")
    told = ", ".join(f"{count} {what}" for what, count in outcomes.most_common())
    print(f"{number} damaged files in {time.monotonic() - begin:.0f} s, the slowest step {slowest:.1f} s: {told}")
    print(f"{len(bad)} tracebacks")
    sys.exit(bool(bad))
