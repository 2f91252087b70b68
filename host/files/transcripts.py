"""True texts of recordings, to compare with or to mark bursts with."""

from pathlib import Path

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
