"""The error that ends an experiment."""


class BenchError(Exception):
    """An experiment cannot be run. The message is one line that says what to do about it."""
