"""What names of files say: the format of samples without a header, their rate, and the frequency they were recorded at.

SDR#, HDSDR, SDRuno and SDR++ write 433920000Hz or 7100kHz into a name, rtl_433 and others 433.92M_250k, gqrx
gqrx_DATE_TIME_433920000_2000000_fc.raw.
"""

import re
from pathlib import Path
from typing import NamedTuple

DATATYPES = {
    "ci8": ("cs8", "sc8", "ci8", "s8", "i8"),
    "cu8": ("cu8", "uc8", "u8"),
    "ci16_le": ("cs16", "sc16", "ci16", "s16", "i16", "c16"),
    "cf32_le": ("cf32", "fc32", "cfile", "fc", "32cf", "f32", "c64", "complex", "complex64"),
    "cf64_le": ("cf64", "fc64", "complex128"),
}
OF_SUFFIX = {f".{name}": datatype for datatype, names in DATATYPES.items() for name in names}
UNTOLD = frozenset({".bin", ".raw", ".iq", ".dat", ".data", ".sigmf-data"})  # of any format
_GQRX = re.compile(r"_(?P<frequency>\d{4,})_(?P<rate>\d{4,})_fc$")
_RTL_433 = re.compile(r"(?P<frequency>\d+(?:\.\d+)?)M[_-](?P<rate>\d+(?:\.\d+)?)k", re.IGNORECASE)
_HERTZ = re.compile(r"(?<![\d.])(?P<frequency>\d+(?:\.\d+)?)(?P<unit>[kM]?)Hz")
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6}


class Told(NamedTuple):
    """Hz each, None where the name does not say."""

    frequency: float | None = None
    sample_rate: float | None = None


def told(path: str) -> Told:
    """What a file's name says."""
    name = Path(path).stem
    if found := _GQRX.search(name):
        return Told(float(found["frequency"]), float(found["rate"]))
    if found := _RTL_433.search(name):
        return Told(1e6 * float(found["frequency"]), 1e3 * float(found["rate"]))
    if found := _HERTZ.search(name):
        return Told(_UNITS[found["unit"]] * float(found["frequency"]))
    return Told()
