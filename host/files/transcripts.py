"""True texts of recordings, to compare with or to mark bursts with."""

from pathlib import Path

import jiwer

from gr_deepsc.english import plain
from gr_deepsc.result import Result

from ..errors import HostError


def read_transcripts(path: str) -> dict[str, str]:
    """True texts by recording name (without suffix), from lines of NAME|TEXT, as they are written.

    Raises:
        HostError: no such file, or a line without `|`; names file and line.
    """
    texts = {}
    try:
        rows = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"cannot read the transcripts {path}: {error}") from None
    for number, row in enumerate(rows, 1):
        name, bar, text = row.partition("|")
        if row.strip() and not bar:
            raise HostError(f"{path}:{number}: expected NAME|TEXT")
        texts[name.strip()] = " ".join(text.split())
    return texts


def error_rates(result: Result, reference: str) -> dict[str, float]:
    """`cer` and `wer` of a text against what was said, both as they are spoken; nothing where nothing was said."""
    said = plain(reference)
    if not said:
        return {}
    text = result.text_plain
    return {"cer": round(jiwer.cer(said, text), 4), "wer": round(jiwer.wer(said, text), 4)}
