"""Recordings of samples as SigMF: NAME.sigmf-data, the samples, and NAME.sigmf-meta, what they are; or NAME.sigmf.

Field names and datatypes are those of the SigMF specification, version 1.2 (https://sigmf.org). A path may be
given as NAME or with any of the endings. Integer samples have full scale 1.0: value / 2^(bits - 1).
"""

from .common import MAX_RATE, NAMESPACE, WRITABLE, IqFileError
from .fields import Annotation
from .reader import IqReader, Meta, read
from .writer import IqWriter

__all__ = ["MAX_RATE", "NAMESPACE", "WRITABLE", "Annotation", "IqFileError", "IqReader", "IqWriter", "Meta", "read"]
