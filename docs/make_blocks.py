"""Prints docs/blocks.md, made of gr_deepsc/grc/*.block.yml: `python docs/make_blocks.py > docs/blocks.md`."""

import re
from pathlib import Path
from typing import Any

import yaml

GRC = Path(__file__).resolve().parent.parent / "gr_deepsc" / "grc"
HEAD = """\
# The blocks

In GNU Radio Companion's list they stand under [DeepSC]; in Python they are classes of `gr_deepsc.blocks`,
those of a window of their modules there (`gr_deepsc.blocks.signal_view`). Messages
are PDUs, pairs of a metadata dictionary and a uniform vector; [architecture.md](architecture.md#contracts) has the
keys of the metadata that all share. A port in italics need not be connected; a parameter that is *live* can be
changed while the flowgraph runs. `python docs/make_blocks.py` makes this page out of `gr_deepsc/grc/*.block.yml`.
"""
SIDES = {"inputs": "Input", "outputs": "Output"}  # key of a block's ports -> section of its documentation


def page() -> str:
    """The page, of all blocks."""
    files = map(Path.read_text, GRC.glob("*.block.yml"))
    blocks = sorted(map(yaml.safe_load, files), key=lambda block: block["label"])
    index = ["| block | in | out | |", "| --- | --- | --- | --- |"]
    for block in blocks:
        label = block["label"]
        ends = (", ".join(_name(port, side) for port in block.get(side, [])) for side in SIDES)
        summary = _documentation(block)["summary"].partition(". ")[0].removesuffix(".")
        index.append(_row(f"[{label}](#{label.lower().replace(' ', '-')})", *ends, summary))
    return "\n".join([HEAD, *index, "", "\n\n".join(map(section, blocks))]) + "\n"


def section(block: dict[str, Any]) -> str:
    """What the page says of one block."""
    said, templates = _documentation(block), block["templates"]
    call = templates.get("make") or templates["var_make"]
    changed = " ".join(templates.get("callbacks", []))
    lines = [f"## {block['label']}", "", f"`{re.search(r'[A-Za-z.]+(?=[(])', call)[0]}`: {said['summary']}"]
    if any(side in block for side in SIDES):
        lines += ["", "| port | | |", "| --- | --- | --- |"]
    for side, title in SIDES.items():
        for port in block.get(side, []):
            kind = "message" if port["domain"] == "message" else f"stream of {port['dtype']}"
            text = said[title].get(port.get("id", title[:-3].lower()), "")
            lines.append(_row(_name(port, side), f"{title.lower()}, {kind}", text))
    if parameters := [each for each in block.get("parameters", []) if each.get("hide") != "all"]:
        lines += ["", "| parameter | | default | | |", "| --- | --- | --- | --- | --- |"]
    for each in parameters:
        text = next((text for name, text in said["Parameters"].items() if each["label"].startswith(name)), "")
        if "options" in each:
            text = f"{text} One of {', '.join(each['options'])}.".strip()
        live = "live" if f"${{{each['id']}}}" in changed else ""
        default = f"`{each['default']}`" if each.get("default") else ""
        lines.append(_row(each["label"], f"`{each['id']}`", default, live, text))
    return "\n".join([*lines, *(["", said["rest"]] if said["rest"] else [])])


def _documentation(block: dict[str, Any]) -> dict[str, Any]:
    """The documentation's `summary`, its sections, each {name: text}, and the `rest`, what stands behind them."""
    said: dict[str, Any] = {"summary": "", "Input": {}, "Output": {}, "Parameters": {}, "rest": ""}
    known = ["in", "out", *(port.get("id", "in") for side in SIDES for port in block.get(side, []))]
    known += [each.get("label", "") for each in block.get("parameters", [])]
    for paragraph in block["documentation"].strip().split("\n\n"):
        title, *lines = paragraph.split("\n")
        if title not in said:
            part = "rest" if any(said[each] for each in (*SIDES.values(), "Parameters")) else "summary"
            said[part] = " ".join([said[part], title, *lines]).strip()
            continue
        names: list[str] = []
        for line in lines:  # "name: text", "name, name: text", or more of the text before
            start, _, text = line.partition(": ")
            if all(any(each.startswith(name) for each in known) for name in start.split(", ")):
                names = start.split(", ")
                said[title] |= dict.fromkeys(names, text)
            else:
                said[title] |= {name: f"{said[title][name]} {line}" for name in names}
    return said


def _name(port: dict[str, Any], side: str) -> str:
    name = port.get("id", side.removesuffix("puts"))
    return f"*{name}*" if port.get("optional") else name


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")
