"""Headers that no transmitter sends, refused before they make any work."""

from collections.abc import Container

from .frame import MAX_FRAMES
from .header import Header, HeaderError
from .pieces import CODECS as PIECES
from .utterance import MAX_PARTS


def legal(head: Header, codecs: Container[int]) -> Header:
    """The header itself.

    Args:
        codecs: numbers of the codecs that there are.

    Raises:
        HeaderError: header_illegal, a burst longer than any, a burst too many, or a codec that there is not.
    """
    wrong = []
    if head.frames > MAX_FRAMES:
        wrong.append(f"{head.frames} frames, {MAX_FRAMES} at most")
    if head.part >= MAX_PARTS - (not head.last) and head.codec not in PIECES:
        wrong.append(f"more than {MAX_PARTS} bursts")
    if head.codec not in codecs:
        wrong.append(f"the codec {head.codec}, which there is not")
    if wrong:
        raise HeaderError(f"a header that claims {' and '.join(wrong)}", "header_illegal")
    return head
