"""Whisper's vocabulary without what cannot be sent: tokens that are written English, and three special ones."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from gr_deepsc.text import WRITTEN

BEGIN, NO_TIMES, END = SPECIAL = ("<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>")
COLON = ":"  # Whisper takes it for no speech, but "10:45" is written with it
# Words, their pieces, short forms, names like McKay, numbers, punctuation; not the code of web pages ("srfAttach",
# "OURCE", "Texture" without a space, "--------") that the vocabulary was made from.
SPOKEN = re.compile(
    r" [A-Z]?[a-z]+|[a-z]+|[A-Z][a-z]{1,4}| ?[A-Z]{1,2}| [A-Z]{3,}s?| ?Ma?c[A-Z][a-z]*"
    r"|'[a-z]{1,2}| ?[0-9]+|[^A-Za-z0-9]{1,3}"
)


@dataclass(frozen=True)
class Vocabulary:
    """The kept tokens, in Whisper's order, the special ones last.

    Attributes:
        strings: of each token; its number is its place.
        numbers: Whisper's own number of each.
        tokenizer: Whisper's.
    """

    strings: tuple[str, ...]
    numbers: tuple[int, ...]
    tokenizer: Tokenizer

    @property
    def prompt(self) -> list[int]:
        """What every text begins with."""
        return [self.strings.index(BEGIN), self.strings.index(NO_TIMES)]

    @property
    def end(self) -> int:
        """The token behind every text."""
        return self.strings.index(END)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self.numbers)}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text as Whisper writes it, a space before its first word.

        Raises:
            ValueError: a token is not kept.
        """
        try:
            return [self._places[n] for n in self.tokenizer.encode(" " + text, add_special_tokens=False).ids]
        except KeyError as error:
            token = self.tokenizer.id_to_token(error.args[0])
            raise ValueError(f"{text!r} has the token {token!r}, which the reader does not know") from None

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are passed over."""
        return "".join(self.strings[t] for t in tokens if self.strings[t] not in SPECIAL).strip()


def read_vocabulary(folder: Path) -> Vocabulary:
    """The kept part of the vocabulary of a CTranslate2 Whisper model: `folder` has tokenizer.json and config.json."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    never = set(json.loads((folder / "config.json").read_text())["suppress_ids"])
    never.discard(tokenizer.token_to_id(COLON))
    ordinary = range(tokenizer.token_to_id(END))
    strings = {n: tokenizer.decode([n], skip_special_tokens=False) for n in ordinary if n not in never}
    kept = {n: string for n, string in strings.items() if set(string) <= set(WRITTEN) and SPOKEN.fullmatch(string)}
    kept |= {tokenizer.token_to_id(special): special for special in SPECIAL}
    return Vocabulary(tuple(kept.values()), tuple(kept), tokenizer)
