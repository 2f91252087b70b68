"""GNU Radio, imported late and with a word about what to do where it is missing."""

from .errors import HostError


def import_gnuradio():
    """The modules `gr` and `pmt`.

    Raises:
        HostError: GNU Radio is missing, or NumPy 2 breaks it.
    """
    try:
        import numpy

        if int(numpy.__version__.split(".")[0]) >= 2:
            raise HostError(
                f"NumPy {numpy.__version__} does not work with GNU Radio 3.10: pip install 'numpy<2' "
                "(`make setup` does it)"
            )
        import pmt
        from gnuradio import gr
    except ImportError as error:
        raise HostError(
            f"GNU Radio cannot be imported ({error}): run `make setup`; `deepsc doctor` tells more"
        ) from None
    return gr, pmt
