"""The received text word by word, held against what was said."""

from typing import Any

import jiwer

from gr_deepsc.english import plain
from gr_deepsc.result import Result


def told(result: Result, reference: str) -> list[dict[str, Any]]:
    """Each word of a text, in order, and the words that are missing between them.

    Texts are compared as they are spoken: "12" is right where somebody said twelve.

    Returns:
        Of a received word `word`, `confidence` (None where nobody knows) and `right` (None without a reference); of
        words that were said and not received, `missing`.
    """
    sure = [word.confidence for word in result.words]
    texts = result.text.split()
    words: list[dict[str, Any]] = [
        {"word": text, "confidence": sure[k] if len(sure) == len(texts) else None, "right": None}
        for k, text in enumerate(texts)
    ]
    said = plain(reference).split()
    if not said:
        return words
    spoken = [(k, each) for k, text in enumerate(texts) for each in plain(text).split()]
    for word in words:
        word["right"] = True
    if not spoken:
        return [*words, {"missing": " ".join(said)}]
    missing: dict[int, list[str]] = {}  # by the word before which they are
    for part in jiwer.process_words(" ".join(said), " ".join(each for _, each in spoken)).alignments[0]:
        if part.type == "equal":
            continue
        heard, lacking = spoken[part.hyp_start_idx : part.hyp_end_idx], said[part.ref_start_idx : part.ref_end_idx]
        for k, _ in heard:
            words[k]["right"] = False
        if heard:
            for (k, _), each in zip(heard, lacking, strict=False):  # none lacks where a word came in
                words[k].setdefault("said", []).append(each)
        else:
            before = spoken[part.hyp_start_idx][0] if part.hyp_start_idx < len(spoken) else len(words)
            missing.setdefault(before, []).extend(lacking)
    for word in words:
        if "said" in word:
            word["said"] = " ".join(word["said"])
    shown: list[dict[str, Any]] = []
    for k in range(len(words) + 1):
        shown += [{"missing": " ".join(missing[k])}] if k in missing else []
        shown += words[k : k + 1]
    return shown
