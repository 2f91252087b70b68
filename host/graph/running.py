"""Compiled flowgraphs, run in this process: what they tell while they run, and why they cannot."""

import ctypes
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gr_deepsc.result import Result

from ..errors import DONE, HostError, refused
from ..show.report import line, say
from ..sound.quiet import hush
from ..start import INTERRUPTED

# What GNU Radio's blocks say where a device is missing, and what to do then; the last one knows no more.
MISSING = (
    ("No devices found", "no USRP found: plug it in, `uhd_find_devices` must list it, or name it by --device"),
    ("SoapySDR::Device::make", "no such SoapySDR device: plug it in, and install its driver ({driver})"),
    ("audio", "no sound card that takes this: `deepsc doctor` lists those there are"),
    ("", "is its radio connected?"),
)


def has_display() -> bool:
    """Whether a window can be opened: a display server is named, and if it is X, it answers."""
    if any(map(os.environ.get, ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))):
        return True
    if not os.environ.get("DISPLAY"):
        return False
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:  # Qt will say what it lacks
        return True
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)


def run_program(program: Path, options: list[str], told: Callable[[str], object], verbose: bool = False) -> int:
    """Run a generated program in this process, until it ends by itself or by Ctrl-C or SIGTERM.

    Args:
        told: is called with the addresses once it runs.
        verbose: prints a line for each result.

    Raises:
        HostError: one of the blocks cannot start: an address in use, a model that is missing or does not fit,
            a file that cannot be read, a radio that must not be started, or a device that is not there.
    """
    from zmq import ZMQError

    from gr_deepsc.link.sockets import LinkError
    from gr_deepsc.radio.iqfile import IqFileError
    from gr_deepsc.radio.permission import RadioError
    from gr_deepsc.session import ContractError
    from gr_deepsc.speech.audio import AudioError

    sys.argv = [str(program), *options]
    sys.path.insert(0, str(program.parent))
    hush()
    os.environ.setdefault("UHD_LOG_CONSOLE_LEVEL", "warning")  # read when UHD is loaded
    ours = (AudioError, ZMQError, IqFileError, LinkError, ContractError, RadioError, FileNotFoundError)
    with refused(*ours), _signals() as come:
        try:
            module = _load(program)
            graph = getattr(module, program.stem)
            module.main(_telling(graph, told, verbose))
        except SystemExit as end:  # how the generated programs answer Ctrl-C and SIGTERM
            if end.code or signal.SIGINT not in come():
                raise
            return INTERRUPTED
        except ours:
            raise
        except RuntimeError as error:  # GNU Radio's own blocks raise nothing but this
            raise HostError(f"{program.stem} cannot start: {_missing(str(error), program)}") from None
    return DONE


def _load(program: Path) -> Any:
    spec = importlib.util.spec_from_file_location(program.stem, program)
    assert spec and spec.loader  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[program.stem] = module
    spec.loader.exec_module(module)
    return module


def _telling(graph: type, told: Callable[[str], object], verbose: bool) -> type:
    """The top block's class, which tells its addresses when it starts."""
    from gr_deepsc.blocks import AudioLink, ResultLink, SpectrumLink

    links: dict[Any, str] = {AudioLink: "audio in", ResultLink: "results", SpectrumLink: "spectrum"}

    def start(self: Any, *arguments: Any) -> None:
        blocks: list[Any] = list(vars(self).values())
        found: list[tuple[str, Any]] = [
            (what, block)
            for kind, what in links.items()
            for block in blocks
            if type(block) is kind and block._bound  # a spectrum's address may be another's
        ]
        for _, block in found:
            if verbose and isinstance(block, ResultLink):
                block.watch = lambda fields: say(line(Result.of(fields)), sys.stdout)
        graph.start(self, *arguments)  # type: ignore[attr-defined]
        told(f"ready: {', '.join(f'{what} {block._bound.address}' for what, block in found) or graph.__name__}")

    return type(graph.__name__, (graph,), {"start": start})


def _missing(error: str, program: Path) -> str:
    reason = " ".join(error.split())
    advice = next(advice for words, advice in MISSING if words in reason)
    driver = "soapysdr-module-hackrf" if "driver=hackrf" in program.read_text() else "soapysdr-module-all"
    return f"{advice.format(driver=f'apt-get install {driver}')} ({reason})"


@contextmanager
def _signals() -> Iterator[Callable[[], bytes]]:
    """The numbers of the signals that come, whoever handles them."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def come() -> bytes:
        with suppress(BlockingIOError):
            return os.read(read, 4096)
        return b""

    try:
        yield come
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)
