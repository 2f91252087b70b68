"""The alphabet and greedy CTC decoding (Weng et al., section IV-C)."""

import unicodedata

import numpy as np

ALPHABET = " abcdefghijklmnopqrstuvwxyz'"
BLANK = len(ALPHABET)  # index of the CTC blank
TOKENS = len(ALPHABET) + 1  # 29
DECODERS = ("greedy", "beam")  # how a text is found: here, or with a language model (beam.py)

_INDEX = {character: index for index, character in enumerate(ALPHABET)}


def encode(text: str) -> list[int]:
    """Token indices of `text`.

    Raises:
        ValueError: a character is not in `ALPHABET`.
    """
    try:
        return [_INDEX[character] for character in text]
    except KeyError as error:
        raise ValueError(
            f"{error.args[0]!r} is not one of the {len(ALPHABET)} characters of the alphabet"
        ) from None


def spoken(text: str) -> tuple[str, str]:
    """`text` in the alphabet's characters, as a voice takes it, and the letters and digits that it has no sound for.

    Accents go, capitals become small, all else is a space.
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    lost = "".join(sorted({c for c in plain if c.isalnum() and c not in ALPHABET}))
    return " ".join("".join(c if c in ALPHABET else " " for c in plain).split()), lost


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms of P, float32 [frames, 29], none of them infinite."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def greedy(log_probs: np.ndarray) -> tuple[str, float]:
    """The most likely token of each frame, repeats merged, blanks dropped.

    Args:
        log_probs: float32 [frames, 29], natural logarithms.

    Returns:
        The text, and the mean probability of the frames' best tokens as a confidence in 0..1 (0 for no frames).
    """
    if len(log_probs) == 0:
        return "", 0.0
    best = log_probs.argmax(axis=1)
    first_of_run = np.concatenate(([True], best[1:] != best[:-1]))
    kept = best[first_of_run & (best != BLANK)]
    text = "".join(ALPHABET[index] for index in kept)
    return " ".join(text.split()), float(np.exp(log_probs.max(axis=1)).mean())
