"""Figure 10 of the paper: spectrograms of a recording and of what was received, Rayleigh fading at 4 dB."""

from collections.abc import Sequence
from pathlib import Path

import soundfile

from gr_deepsc.framing import SAMPLE_RATE

from ..metrics import speech
from ..metrics.text import error_rate
from ..plot import spectrograms
from ..work import Point
from .experiment import NOWHERE, SPEAKING, Experiment, Outcome, Setting, Size, field

WHERE = Point("rayleigh", 4.0)
ONE = Size(1)


def run(setting: Setting) -> Outcome:
    """One recording through every system; the sounds are written beside the figure, as OUT/fig10-SYSTEM.wav."""
    utterances = setting.speech(ONE)[:1]
    (key,) = (u.key for u in utterances)
    items = setting.runner.measure("sound", ["original"], utterances, [NOWHERE])
    items |= setting.runner.measure("sound", setting.systems, utterances, [WHERE])
    rows = []
    for (name, point, _), item in items.items():
        if point is None:
            continue
        sound = setting.out / f"fig10-{name}.wav"
        soundfile.write(sound, speech.unpack(item.figures["speech"], "<i2", 1)[:, 0], SAMPLE_RATE, "PCM_16")
        row = {"system": name, "label": items[name, None, key].figures["label"], "utterance": key}
        row |= {"text": item.figures["text"], "cer": field(float(error_rate(*item.figures["characters"])))}
        rows.append(row | {"sound": sound.name})
    return Outcome(rows, [key], [])


def draw(rows: Sequence[dict], path: Path) -> None:
    """The sounds that the rows name, beside `path`."""
    sounds = []
    for row in rows:
        samples, _ = soundfile.read(path.parent / row["sound"], dtype="float32")
        sounds.append((row["label"], row["text"] or "(nothing)", samples))
    spectrograms(sounds, path)


FIG10 = Experiment("spectrograms of received speech, Rayleigh fading, 4 dB", run, draw, networks=SPEAKING)
