"""`deepsc doctor`: what gr-deepsc needs, whether it is there, and how to mend it."""

import argparse
import importlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

import gr_deepsc
from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.sums import SUMS, ContractError, check_hash, sums_of

from ..environment import home_problem
from ..errors import DONE, SOME_FAILED, HostError
from ..graph.gnuradio import import_gnuradio

DESCRIPTION = """\
Check what gr-deepsc needs: GNU Radio, NumPy, the blocks, the models and their hashes, audio devices, radios,
ports.
Says of each how to mend it. Exit status 0 when all that is necessary is there.
"""

EXAMPLES = ""

RADIO_TOOLS = {
    "UHD": "`uhd_find_devices` of `apt-get install uhd-host` must list it",
    "SoapySDR": "`apt-get install soapysdr-module-hackrf`, or its own driver",
}
MODELS = Path(gr_deepsc.__file__).parent / "models"


@dataclass(frozen=True)
class Finding:
    """One check: `status` is ok, warn (something optional is missing) or fail; `mend` says what to do."""

    status: str
    name: str
    detail: str
    mend: str = ""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc doctor`."""
    command.add_argument("--json", action="store_true", help="one JSON object a check")


def run(args: argparse.Namespace) -> int:
    """`deepsc doctor`."""
    failed = False
    for finding in examine():
        failed |= finding.status == "fail"
        if args.json:
            print(json.dumps(asdict(finding), ensure_ascii=False), flush=True)
            continue
        print(f"{finding.status:<5} {finding.name:<18} {finding.detail}", flush=True)
        if finding.mend:
            print(f"{'':<24} mend: {finding.mend}", flush=True)
    return SOME_FAILED if failed else DONE


def examine() -> Iterator[Finding]:
    """All checks, in the order in which to mend."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        check_home,
        check_gnuradio,
        check_packages,
        check_grc,
        check_blocks,
        check_flowgraphs,
        check_models,
        check_voices,
        check_audio,
        check_radios,
        check_ports,
    )
    for check in checks:
        try:
            yield from check()
        except Exception as error:  # a check that breaks is a finding too
            yield Finding("fail", check.__name__.removeprefix("check_"), f"{type(error).__name__}: {error}")


def check_python() -> Iterator[Finding]:
    """The interpreter is the one that the distribution's GNU Radio was built for."""
    here = ".".join(map(str, sys.version_info[:3]))
    if importlib.util.find_spec("gnuradio"):
        yield Finding("ok", "python", f"{here} at {sys.executable}")
    else:
        mend = "`make setup`: a venv from /usr/bin/python3 with --system-site-packages, as GNU Radio needs"
        yield Finding("fail", "python", f"{here} at {sys.executable} sees no gnuradio package", mend)


def check_home() -> Iterator[Finding]:
    """What is made once can be kept: compiled flowgraphs, GNU Radio's settings."""
    if problem := home_problem():
        yield Finding("warn", "home", problem, "set HOME to a folder of yours; until then nothing is kept there")
    else:
        yield Finding("ok", "home", os.environ["HOME"])


def check_gnuradio() -> Iterator[Finding]:
    """`import gnuradio` works with the NumPy that is installed."""
    import numpy

    yield Finding("ok", "numpy", numpy.__version__)
    try:
        gr, _ = import_gnuradio()
    except HostError as error:
        mend = "`make setup`, or for the NumPy that it was built for, in a new .venv, `make clean setup`"
        yield Finding("fail", "gnuradio", str(error), mend)
    else:
        yield Finding("ok", "gnuradio", gr.version())


def check_packages() -> Iterator[Finding]:
    """The Python packages of pyproject.toml's run-time dependencies."""
    try:
        needs = [Requirement(need) for need in requires("gr-deepsc") or ()]
    except PackageNotFoundError:
        yield Finding("fail", "gr-deepsc", "not installed", "`make setup`, or `pip install -e .`")
        return
    missing, found = [], [f"gr-deepsc {version('gr-deepsc')}"]
    for need in needs:
        if need.marker and not need.marker.evaluate({"extra": ""}):  # for another Python, or an extra's
            continue
        try:
            found.append(f"{need.name} {version(need.name)}")
        except PackageNotFoundError:
            missing.append(f"{need.name}{need.specifier}")
    if missing:
        mend = "pip install -c constraints.txt " + " ".join(f"'{need}'" for need in missing)
        yield Finding("fail", "packages", f"missing: {', '.join(missing)}", mend)
    else:
        yield Finding("ok", "packages", ", ".join(found))


def check_grc() -> Iterator[Finding]:
    """GNU Radio Companion is there, and block descriptions are where this package looks."""
    from ..graph.programs import BLOCKS

    described = sorted(path.name for path in BLOCKS.glob("*.block.yml"))
    if described:
        yield Finding("ok", "blocks path", f"{BLOCKS}: {len(described)} blocks")
    else:
        yield Finding("fail", "blocks path", f"no *.block.yml in {BLOCKS}", "install gr-deepsc again: `make setup`")
    if str(BLOCKS) not in os.environ.get("GRC_BLOCKS_PATH", "").split(os.pathsep):
        detail = f"`deepsc flowgraph` sets it; for a GRC started by hand: export GRC_BLOCKS_PATH={BLOCKS}"
        yield Finding("ok", "GRC_BLOCKS_PATH", detail)
    for tool in ("grcc", "gnuradio-companion"):
        if path := shutil.which(tool):
            yield Finding("ok", tool, path)
        else:
            yield Finding("fail", tool, "not found on PATH", "`apt-get install gnuradio`")


def check_blocks() -> Iterator[Finding]:
    """The blocks' classes can be imported."""
    try:
        blocks = importlib.import_module("gr_deepsc.blocks")
    except Exception as error:
        mend = "mend gnuradio and the packages above first"
        yield Finding("fail", "blocks", f"gr_deepsc.blocks cannot be imported: {error}", mend)
    else:
        yield Finding("ok", "blocks", ", ".join(blocks.__all__))


def check_flowgraphs() -> Iterator[Finding]:
    """The shipped flowgraphs are found."""
    from ..graph.programs import shipped

    if names := list(shipped()):
        yield Finding("ok", "flowgraphs", ", ".join(names))
    else:
        yield Finding("fail", "flowgraphs", "none found", "install gr-deepsc again: `make setup`")


def check_models(folder: Path = MODELS) -> Iterator[Finding]:
    """The shipped models are there, are what SHA256SUMS says, and load."""
    sums = folder / SUMS
    mend = "`git checkout gr_deepsc/models`, or install gr-deepsc again"
    if not sums.is_file():
        yield Finding("fail", "models", f"no {sums}", mend)
        return
    listed = sums_of(sums)
    if not listed:
        yield Finding("fail", "models", f"{sums} lists nothing", mend)
    for name in listed:
        path = folder / name
        if not path.is_file():
            yield Finding("fail", "models", f"{name} is missing", mend)
            continue
        try:
            check_hash(path)
        except ContractError as error:
            yield Finding("fail", "models", str(error), mend)
        else:
            yield _load(path)


def _load(path: Path) -> Finding:
    name = f"{path.parent.name}/{path.name}"
    if path.name not in ("transmitter.onnx", "receiver.onnx"):
        return Finding("ok", "models", name)
    from gr_deepsc.codec.framewise import FramewiseDecoder, FramewiseEncoder

    try:
        model = (FramewiseEncoder if path.name == "transmitter.onnx" else FramewiseDecoder)(path)
    except (OSError, ValueError, RuntimeError) as error:
        return Finding("fail", "models", f"{name} does not load: {error}", "reinstall onnxruntime and gr-deepsc")
    return Finding("ok", "models", f"{name} version {model.version}, pair {model.pair}")


def check_voices() -> Iterator[Finding]:
    """The voices of one's own can speak."""
    from gr_deepsc.voice.synthesizer import Synthesizer

    synthesizer = Synthesizer()
    yield Finding("ok", "voices", ", ".join(f"{number} {user.name}" for number, user in synthesizer.users.items()))
    for sentence in synthesizer.left_out:
        yield Finding("warn", "voices", sentence)


def check_audio() -> Iterator[Finding]:
    """There are a microphone and a sound output; only `deepsc send --mic` and --play need them."""
    from ..sound.microphone import load

    try:
        devices = list(enumerate(load().query_devices()))
    except HostError as error:
        yield Finding("warn", "microphone", str(error), "`apt-get install libportaudio2`")
        return
    for name, key, tool, need in (
        ("microphone", "max_input_channels", "arecord", "deepsc send --mic"),
        ("sound output", "max_output_channels", "aplay", "--play"),
    ):
        if listed := [f"{number}: {device['name']}" for number, device in devices if device[key] > 0]:
            yield Finding("ok", name, "; ".join(listed))
        else:
            mend = f"plug one in; `{tool} -l` must list it (needed for `{need}` only)"
            yield Finding("warn", name, f"no audio {'in' if tool == 'arecord' else 'out'}put device", mend)


def check_radios() -> Iterator[Finding]:
    """USRPs and what SoapySDR has drivers for; only flowgraphs for radios need them."""
    from ..graph.devices import found

    for name, devices in found().items():
        if devices:
            yield Finding("ok", name, "; ".join(devices))
        else:
            yield Finding("warn", name, "no device", f"plug it in; {RADIO_TOOLS[name]} (needed for radios only)")


def check_ports() -> Iterator[Finding]:
    """The two ports that the shipped flowgraphs bind are free; a running flowgraph holds them."""
    import zmq

    from gr_deepsc.link.sockets import LinkError, open_socket

    context = zmq.Context()
    for kind, address in (("pull", AUDIO_ADDRESS), ("pub", RESULT_ADDRESS)):
        try:
            open_socket(context, kind, address, bind=True).close(linger=0)
        except LinkError as error:
            mend = "fine if a flowgraph is running; else stop what holds it (`ss -ltnp`) or give other addresses"
            yield Finding("warn", "port", str(error), mend)
        else:
            yield Finding("ok", "port", f"{address} is free")
    context.term()
