"""What a file says of itself, and SHA256SUMS of all that are shipped."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import onnx
from onnx import helper
from torch import nn

from gr_deepsc import __version__
from gr_deepsc.sums import SUMS, digest, listed

LICENCE = "GPL-3.0-or-later"


def provenance(model: nn.Module) -> dict[str, str]:
    """The code's revision, and SHA-256 over the names and float32 values of all weights."""
    state = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        state.update(key.encode() + value.cpu().numpy().tobytes())
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    revision = subprocess.run(command, capture_output=True, text=True).stdout.strip() if shutil.which("git") else ""
    return {"git_revision": revision or "unknown", "checkpoint_sha256": state.hexdigest()}


def facts(name: str, model: nn.Module, training_data: str) -> dict[str, str]:
    """What every contract says: name, version, training data, licence, and where `model` comes from."""
    known = {"name": name, "version": __version__, "training_data": training_data, "licence": LICENCE}
    return known | provenance(model)


def write_contract(path: Path, contract: dict[str, str]) -> None:
    """Puts `contract` into the file's metadata, and checks the file."""
    model = onnx.load(path)
    helper.set_model_props(model, contract)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def report(path: Path, difference: float) -> None:
    """Prints a file's size, and how far ONNX Runtime is from torch."""
    size = path.stat().st_size / 1e6
    print(f"{path}: {size:.2f} MB, torch - ONNX Runtime in fp32 <= {difference:.1e}")


def write_hashes(models: Path) -> None:
    """SHA256SUMS over every model under `models`, as `sha256sum` writes it: `deepsc doctor` compares."""
    sums = {str(path.relative_to(models)): digest(path) for path in sorted(models.glob("*/*.onnx"))}
    (models / SUMS).write_text(listed(sums))
