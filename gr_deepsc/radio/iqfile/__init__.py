"""Recordings of complex samples as SigMF pairs: NAME.sigmf-data, the samples, and NAME.sigmf-meta, what they are.

Field names and datatypes are those of the SigMF specification, version 1.2 (https://sigmf.org). A path may be
given as NAME or with either ending. Integer samples have full scale 1.0: value / 2^(bits - 1).
"""

from .common import MAX_RATE, WRITABLE, IqFileError
from .reader import Annotation, IqReader, Meta, read
from .writer import IqWriter

__all__ = ["MAX_RATE", "WRITABLE", "Annotation", "IqFileError", "IqReader", "IqWriter", "Meta", "read"]
