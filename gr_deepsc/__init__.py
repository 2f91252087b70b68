"""DeepSC-ST in the radio: GNU Radio blocks around the trained semantic encoder and decoder."""

__version__ = "0.1.0"
