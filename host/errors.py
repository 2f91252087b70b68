"""Exit statuses, and the error that ends a command with one line on stderr."""

DONE = 0
SOME_FAILED = 1  # a recording or an utterance failed, the others were still done
SETUP_FAILED = 2  # nothing could be done at all; argparse's own status for bad options


class HostError(Exception):
    """Nothing could be done at all. The message is one line that says what to do about it."""
