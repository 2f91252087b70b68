"""Radios that are plugged in, as UHD and SoapySDR list them.

As a program it prints a line each, `UHD: ...` or `SoapySDR: ...`: it runs in a process of its own, as drivers write
on the terminal, search the network for seconds, and may crash.
"""

import ctypes
import ctypes.util
import os
import subprocess
import sys

PATIENCE_S = 30.0
UHD, SOAPY = "UHD", "SoapySDR"


class _Pairs(ctypes.Structure):
    """SoapySDRKwargs of SoapySDR/Types.h."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("keys", ctypes.POINTER(ctypes.c_char_p)),
        ("values", ctypes.POINTER(ctypes.c_char_p)),
    )


def found(hint: str = "") -> dict[str, list[str]]:
    """Descriptions of the devices by library.

    Args:
        hint: arguments as the libraries know them, "driver=hackrf"; "" for whatever there is.

    Raises:
        OSError, subprocess.TimeoutExpired: nobody knows.
    """
    environment = os.environ | {"UHD_LOG_CONSOLE_LEVEL": "off", "SOAPY_SDR_LOG_LEVEL": "FATAL"}
    command = [sys.executable, "-m", __name__, hint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    return {name: [device for who, _, device in lines if who == name] for name in (UHD, SOAPY)}


def _library(name: str) -> ctypes.CDLL:
    path = ctypes.util.find_library(name)
    if path is None:
        raise OSError(f"there is no lib{name}")
    return ctypes.CDLL(path)


def _uhd(hint: str = "") -> list[str]:
    """By UHD's C interface: `gnuradio.uhd.find_devices` of GNU Radio 3.10.5 calls a function that does not exist."""
    library, devices, count = _library("uhd"), ctypes.c_void_p(), ctypes.c_size_t()
    library.uhd_string_vector_make(ctypes.byref(devices))
    if library.uhd_usrp_find(hint.encode(), ctypes.byref(devices)):
        return []
    library.uhd_string_vector_size(devices, ctypes.byref(count))
    text, listed = ctypes.create_string_buffer(1024), []
    for k in range(count.value):
        library.uhd_string_vector_at(devices, ctypes.c_size_t(k), text, ctypes.c_size_t(len(text)))
        listed.append(text.value.decode(errors="replace"))
    return listed


def _soapy(hint: str = "") -> list[str]:
    library, count = _library("SoapySDR"), ctypes.c_size_t()
    library.SoapySDRDevice_enumerateStrArgs.restype = ctypes.POINTER(_Pairs)
    devices = library.SoapySDRDevice_enumerateStrArgs(hint.encode(), ctypes.byref(count))
    return [
        ", ".join(f"{one.keys[k].decode()}={one.values[k].decode()}" for k in range(one.size))
        for one in devices[: count.value]
    ]


if __name__ == "__main__":
    for name, listed in ((UHD, _uhd), (SOAPY, _soapy)):
        try:
            for device in listed(*sys.argv[1:]):
                print(f"{name}: {device}", flush=True)
        except Exception as error:  # one of them may be missing
            print(f"{name} cannot be asked: {error}", file=sys.stderr)
