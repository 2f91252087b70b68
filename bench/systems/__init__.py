"""The compared systems by name."""

from collections.abc import Callable

from ..system import System
from .deepsc_st import DeepSCST

SYSTEMS: dict[str, Callable[[], System]] = {DeepSCST.name: DeepSCST}
