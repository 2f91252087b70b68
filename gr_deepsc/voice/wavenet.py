"""WaveNet without torch: log-mels -> waveform, drawn sample by sample by two ONNX graphs and a loop that remembers.

`wavenet_frames.onnx` turns mels into all that the network is told of them; `wavenet_step.onnx` draws one sample from
what is remembered of the past. Every layer's last inputs are kept here, in a ring, and copied one sample at a time.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..session import ContractError
from .files import open_part
from .mel import FLOOR, HOP

ORDER = 16  # of the linear prediction
SUBHOP = 64  # samples of a sub-frame: a quarter of a mel frame
TAPS = (-2, -1, 0, 1, 2)  # samples about one pitch period ago that the network is told
LONGEST_LAG = 1 << 9  # samples: more than a period of any F0


class Frames(NamedTuple):
    """What the mels say, for n sub-frames of 64 samples: the outputs of `wavenet_frames.onnx`."""

    condition: np.ndarray  # float32 [m, layers, batch, 2 * residual], m of them evenly over the samples
    a: np.ndarray  # float32 [n, 16, batch], coefficients of the prediction, those of the oldest samples first
    gain: np.ndarray  # float32 [n, batch], standard deviation of the excitation
    level: np.ndarray  # float32 [n, batch], of the waveform
    lag: np.ndarray  # int64 [n, batch], pitch period in samples


class Past(NamedTuple):
    """What one step is told beside the frames' values: inputs of `wavenet_step.onnx`."""

    recent: np.ndarray  # float32 [16, batch], the last samples, oldest first
    excitation: np.ndarray  # float32 [6, batch], the last one, and those about a pitch period ago
    rings: np.ndarray  # float32 [layers, batch, residual], each layer's input its dilation ago
    uniform: np.ndarray  # float32 [2], what this sample is drawn with


Step = Callable[[Frames, Past], tuple[np.ndarray, np.ndarray, np.ndarray]]


def draws(samples: int, seed: int) -> np.ndarray:
    """Uniform float32 [samples, 2] in (0, 1): all that is left to chance."""
    return np.random.default_rng(seed).random((samples, 2), np.float32).clip(1e-5, 1 - 1e-5)


def generate(
    step: Step,
    frames: Frames,
    dilations: Iterable[int],
    uniform: np.ndarray,
    progress: Callable[[Iterable], Iterable] = iter,
) -> np.ndarray:
    """Draws the waveforms of a batch, float32 [batch, 64 n].

    Args:
        step: one sub-frame's values of `frames` and the past -> sample [batch], excitation [batch], what the layers'
            inputs are now [layers, batch, residual].
        uniform: float32 [64 n, 2].
        progress: wraps the range over sub-frames.
    """
    dilations = np.array(dilations)
    subframes, _, batch = frames.a.shape
    samples, residual = subframes * SUBHOP, frames.condition.shape[3] // 2
    begins = dilations.cumsum() - dilations
    rings = np.zeros((dilations.sum(), batch, residual), np.float32)
    waveform = np.zeros((ORDER + samples, batch), np.float32)
    excitation = np.zeros((LONGEST_LAG + samples, batch), np.float32)
    rows, told = np.arange(batch), len(frames.condition) / samples
    for i in progress(range(subframes)):
        # sample t's excitation is at LONGEST_LAG + t
        ago = LONGEST_LAG - np.stack([np.ones_like(frames.lag[i]), *(frames.lag[i] - tap for tap in TAPS)])
        for t in range(i * SUBHOP, (i + 1) * SUBHOP):
            at = begins + t % dilations
            now = Frames(frames.condition[int(t * told)], *(x[i] for x in frames[1:]))
            past = Past(waveform[t : t + ORDER], excitation[ago + t, rows], rings[at], uniform[t])
            waveform[ORDER + t], excitation[LONGEST_LAG + t], rings[at] = step(now, past)
    return np.ascontiguousarray(waveform[ORDER:].T)


class WaveNet:
    """The vocoder in the two files of a folder; see `vocoders` for how it is chosen.

    Attributes:
        temperature: what the logistics' scales are multiplied with when they are drawn from.
    """

    def __init__(self, folder: Path, progress: bool = False):
        """Load `wavenet_frames.onnx` and `wavenet_step.onnx`.

        Args:
            progress: show a bar on stderr, where that is a terminal: a second of speech takes seconds.

        Raises:
            FileNotFoundError: one of them is not there.
            ContractError: they are no such models, or not of one training.
        """
        self._frames, self.contract = open_part(folder, "wavenet_frames")
        self._step, other = open_part(folder, "wavenet_step")
        if self.contract["checkpoint_sha256"] != other["checkpoint_sha256"]:
            raise ContractError(f"{folder}: wavenet_frames.onnx and wavenet_step.onnx are not of one training")
        self.temperature = float(self.contract["temperature"])
        self._dilations = json.loads(self.contract["dilations"])
        self._progress = progress

    def __call__(self, mel: np.ndarray, seed: int = 0) -> np.ndarray:
        """Log-mels float32 [batch, frames, 80] -> waveform float32 [batch, 256 (frames - 1)] in -1..1.

        The same batch and seed give the same waveform; another batch rounds otherwise and soon draws otherwise.
        """
        frames = Frames(*self._frames.run(None, {"mel": mel}))
        heat = np.array(self.temperature, np.float32)

        def step(now: Frames, past: Past) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            feed = {"condition": now.condition, "a": now.a, "gain": now.gain, "level": now.level}
            return self._step.run(None, feed | past._asdict() | {"temperature": heat})

        shown = "{l_bar}{bar}| {elapsed}<{remaining}"
        bar = partial(tqdm, desc="wavenet", bar_format=shown, disable=None, leave=False)
        uniform = draws(len(frames.a) * SUBHOP, seed)
        return generate(step, frames, self._dilations, uniform, bar if self._progress else iter)

    def together(self, mels: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
        """Log-mels [frames, 80] of any lengths -> their waveforms, drawn as one batch: the shorter end in silence."""
        longest = max(map(len, mels))
        padded = [np.pad(mel, ((0, longest - len(mel)), (0, 0)), constant_values=np.log(FLOOR)) for mel in mels]
        made = self(np.stack(padded).astype(np.float32), seed)
        return [waveform[: HOP * (len(mel) - 1)] for waveform, mel in zip(made, mels, strict=True)]
