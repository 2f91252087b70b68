"""A network in one small file: traced, compared with torch, its weights in 8 bits."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from .storage import to_bytes
from .trace import check_parity, trace_named


def write_small(
    module: nn.Module,
    feeds: Sequence[tuple[Tensor, ...]],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    free: dict[str, dict[int, str]],
) -> float:
    """Writes `module` with its weights named as in torch and stored in 8 bits; the first of `feeds` is traced.

    Returns:
        The largest difference between torch and ONNX Runtime over `feeds`, of the float32 graph.

    Raises:
        ParityError: it exceeds `trace.TOLERANCE`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / path.name
        trace_named(module, feeds[0], plain, inputs, outputs, free)
        worst = check_parity(module, plain, inputs, feeds)
        to_bytes(plain, path)
    return worst
