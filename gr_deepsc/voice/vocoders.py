"""Log-mels -> waveform, in three ways with one interface: float32 [frames, 80] -> float32 [256 (frames - 1)].

`fast` is the default, `wavenet` the paper's and slower than real time, `griffinlim` needs no training. None leaves
anything to chance: the same mels give the same waveform.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .griffin_lim import griffin_lim

Vocoder = Callable[[np.ndarray], np.ndarray]

# ONNX Runtime is imported only where it is needed: the command line lists the names, and `deepsc doctor` has to run
# where it is missing


def _fast(folder: Path, progress: bool) -> Vocoder:
    from .files import open_part

    session, _ = open_part(folder, "vocoder")
    return lambda mel: session.run(None, {"mel": mel[None]})[0][0]


def _wavenet(folder: Path, progress: bool) -> Vocoder:
    from .wavenet import WaveNet

    wavenet = WaveNet(folder, progress)
    return lambda mel: wavenet(mel[None])[0]


VOCODERS = {"fast": _fast, "wavenet": _wavenet, "griffinlim": lambda folder, progress: griffin_lim}
DEFAULT = "fast"


def load(name: str, folder: str | Path, progress: bool = False) -> Vocoder:
    """The vocoder `name`, whose files, if it has any, are in `folder`.

    Args:
        progress: a bar on stderr, where that is a terminal, if it takes long.

    Raises:
        ValueError: there is no such vocoder; says which there are.
        FileNotFoundError: its files are not there.
        ContractError: they are no such models.
    """
    if name not in VOCODERS:
        raise ValueError(f"no vocoder {name!r}: there are {', '.join(VOCODERS)}")
    return VOCODERS[name](Path(folder), progress)
