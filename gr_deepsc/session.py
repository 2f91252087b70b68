"""The one place where ONNX files are opened: on one thread, without telemetry, and only with the contract that is due.

A contract is what a file says of itself in its metadata. Whoever opens a file says what must stand there, and a file
that says otherwise is refused when it is opened, not when it garbles.

ONNX Runtime would write a device id and its user's paths below ~/.cache/Microsoft and try to send them. It reads the
variable that forbids it when it is imported, so nothing here imports it but this file.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime import InferenceSession

from .sums import ContractError, check_hash

MODELS = Path(__file__).parent / "models"
PROVIDER = "CPUExecutionProvider"
PAIR = ("transmitter.onnx", "receiver.onnx")  # what a folder of a model holds


class Session(InferenceSession):
    """Whose runs all end when the process does: one that goes on meanwhile would abort it."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None) -> list:
        """As of ONNX Runtime."""
        return super().run(output_names, input_feed, run_options or _running)


_running = onnxruntime.RunOptions()


def give_up() -> None:
    """End all runs, with an error, now and for ever: for the end of a process that has threads."""
    _running.terminate = True


class Model(NamedTuple):
    """An open file."""

    session: InferenceSession
    contract: dict[str, str]  # its metadata


def shipped() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(folder.parent.name for folder in MODELS.glob(f"*/{PAIR[0]}"))


def locate(name_or_dir: str | Path) -> Path:
    """The folder with transmitter.onnx and receiver.onnx of a shipped model's name or of a folder.

    Raises:
        FileNotFoundError: neither; says what exists.
    """
    for folder in (MODELS / name_or_dir, Path(name_or_dir)):
        if all((folder / file).is_file() for file in PAIR):
            return folder
    raise FileNotFoundError(
        f"no model {str(name_or_dir)!r}: shipped are {', '.join(shipped()) or 'none'}; "
        f"or give a folder that holds {' and '.join(PAIR)}"
    )


def open_session(model: str | Path | bytes, provider: str = PROVIDER) -> InferenceSession:
    """An .onnx file, or its bytes, on one intra-op thread: more gain nothing inside a flowgraph.

    Raises:
        ContractError: ONNX Runtime cannot load it.
        RuntimeError: this ONNX Runtime has no such provider; says which it has.
    """
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise RuntimeError(f"ONNX Runtime has no {provider} here: it has {', '.join(available)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it keeps what the longest utterance needed, and is no faster
    options.enable_mem_pattern = False  # it keeps a plan for every length of utterance that ever was
    source, name = (model, "the model") if isinstance(model, bytes) else (str(model), str(model))
    try:
        session = Session(source, options, providers=[provider])
    except Exception as error:  # ONNX Runtime's own classes share no base but this
        raise ContractError(f"{name}: ONNX Runtime cannot load it: {error}") from None
    if provider not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime would not run {name} on {provider}")
    return session


def open_model(
    path: Path,
    wanted: Mapping[str, object],
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    provider: str = PROVIDER,
) -> Model:
    """An .onnx file that keeps its contract.

    Args:
        wanted: what its metadata must say, as text, by key.
        inputs, outputs: their names, where they matter.

    Raises:
        FileNotFoundError: it is not there.
        ContractError: it is no such model, or not the one that SHA256SUMS tells of.
        RuntimeError: this ONNX Runtime has no such provider; says which it has.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no model file {path}")
    check_hash(path)
    session = open_session(path, provider)
    contract = session.get_modelmeta().custom_metadata_map
    for key, value in wanted.items():
        if key not in contract:
            raise ContractError(f"{path}: its metadata has no {key!r}: not a model of gr-deepsc")
        if contract[key] != str(value):
            raise ContractError(f"{path}: its {key} is {contract[key]!r}, needed is {str(value)!r}")
    takes = tuple(node.name for node in session.get_inputs())
    gives = tuple(node.name for node in session.get_outputs())
    if inputs and (takes, gives) != (inputs, outputs):
        raise ContractError(f"{path}: {takes} -> {gives}, needed is {inputs} -> {outputs}")
    return Model(session, contract)
