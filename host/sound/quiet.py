"""Sound libraries that say nothing on the terminal: what matters comes as an exception."""

import ctypes
from contextlib import suppress

SETTERS = {
    "libasound.so.2": ("snd_lib_error_set_handler",),
    "libjack.so.0": ("jack_set_error_function", "jack_set_info_function"),
}


def hush() -> None:
    """Keep ALSA and JACK from writing dozens of lines where there is no sound card or server.

    They are given a C function that has no effect, rather than one of Python: they call it from threads of their own,
    also while Python ends.
    """
    for library, setters in SETTERS.items():
        with suppress(OSError, AttributeError):  # it is not there, then it says nothing
            loaded = ctypes.CDLL(library)
            for setter in setters:
                getattr(loaded, setter)(ctypes.CDLL(None).getppid)
