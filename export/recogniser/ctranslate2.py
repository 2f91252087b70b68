"""Reading the tensors of a CTranslate2 model file (binary version 6), as `ctranslate2.converters` writes them."""

import struct
from pathlib import Path

import numpy as np

_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_VERSION = 6


class _Cursor:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def unpack(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def string(self) -> str:
        length = self.unpack("H")
        self.at += length
        return self.data[self.at - length : self.at].rstrip(b"\0").decode()


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """All tensors of the file by name, in their stored dtype.

    Raises:
        ValueError: the file is not a CTranslate2 binary of version 6.
    """
    cursor = _Cursor(Path(path).read_bytes())
    version = cursor.unpack("I")
    if version != _VERSION:
        raise ValueError(f"{path}: CTranslate2 binary version {version}, expected {_VERSION}")
    cursor.string()  # specification name
    cursor.unpack("I")  # its revision
    tensors = {}
    for _ in range(cursor.unpack("I")):
        name = cursor.string()
        shape = [cursor.unpack("I") for _ in range(cursor.unpack("B"))]
        dtype = np.dtype(_DTYPES[cursor.unpack("B")])
        size = cursor.unpack("I")
        tensors[name] = np.frombuffer(cursor.data, dtype, size // dtype.itemsize, cursor.at).reshape(shape)
        cursor.at += size
    return tensors
