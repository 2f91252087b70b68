"""The language model that helps the beam decoder to spell."""
