"""What the documentation says holds: links lead somewhere, commands are accepted, made pages are fresh."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from deepsc_host.cli import parser

from gr_deepsc.codec.rates import sentence
from gr_deepsc.phy.preamble import LONG

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("CHANGELOG.md", "README.md", "CONTRIBUTING.md")] + sorted(DOCS.glob("*.md"))


def printed(*arguments: str) -> str:
    """What Python prints, run from the project's root."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_blocks_are_those_of_grc():
    """docs/blocks.md is what its generator prints."""
    assert (DOCS / "blocks.md").read_text() == printed("docs/make_blocks.py")


def test_keys_are_those_of_results():
    """docs/results.md ends with the table that `python -m gr_deepsc.result` prints."""
    assert (DOCS / "results.md").read_text().endswith("\n\n" + printed("-m", "gr_deepsc.result"))


def test_what_is_on_the_air():
    """docs/radio.md has the tables that docs/make_air.py prints, README.md the symbols a second of its two rates."""
    tables, radio = printed("docs/make_air.py").rstrip("\n").split("\n\n"), (DOCS / "radio.md").read_text()
    assert [table for table in tables if f"\n\n{table}\n\n" not in radio] == []
    for rate in ("520", "130"):
        payload, sent = sentence(rate, preamble=LONG)
        assert f"| {rate} ({payload / 5:.0f}, {sent.symbols / 5:.0f}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Files are there; so are the headings that links name, by GitHub's rule."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if re.match(r"https?:", target):
            continue
        name, _, heading = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), target
        headings = re.findall(r"^#+ (.+)$", there.read_text(), re.M) if heading else []
        anchors = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
        assert not heading or heading in anchors, target


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    """Those whose place in the project is given; NAME stands for any."""
    rooms = "gr_deepsc|grc_flowgraphs|host|export|bench|tests|docs"
    named = re.findall(rf"`((?:{rooms})/[\w/.]+\.\w+)`", page.read_text())
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_index_has_every_page():
    """docs/README.md names all pages beside it."""
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text())) == {
        page.name for page in DOCS.glob("*.md") if page.name != "README.md"
    }


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_commands_are_accepted(page, capsys):
    """Each `deepsc COMMAND ...` of a page, in the text or on a line of its own, can be said; nothing is run."""
    text = page.read_text()
    commands = re.findall(r"^    (?:\$ )?(?:\.venv/bin/)?deepsc (.+)$|`deepsc (\w+ [^`]+)`", text, re.M)
    assert len(commands) > 9 or page != ROOT / "README.md"
    for line, quoted in commands:
        words = shlex.split((line or quoted).split(" | ")[0].replace("...", "X"), comments=True)
        try:
            assert parser(words[0]).parse_args(words).command == words[0]
        except SystemExit as end:
            assert end.code == 0, f"{' '.join(words)}: {capsys.readouterr().err}"  # 0: --help


def test_the_way_of_an_utterance():
    """docs/architecture.md names every file that an utterance crosses, and counts them."""
    listed = printed("tests/crossed.py", "tests/samples/LJ002-0045.flac")
    files = [Path(line) for line in re.findall(r"^([\w/]+\.py): ", listed, re.M)]
    text = (DOCS / "architecture.md").read_text()
    assert [path for path in files if path.name not in text] == []
    assert f"{len(files)} files" in text


def test_who_imports_whom():
    """The arrows of docs/architecture.md: out of gr_deepsc to none of ours, to GNU Radio from its blocks only."""
    for path in (ROOT / "gr_deepsc").rglob("*.py"):
        imported = set(re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.M))
        tops, room = {name.split(".")[0] for name in imported}, path.parent.name
        assert not tops & {"torch", "deepsc_host", "deepsc_export", "deepsc_bench"}, path
        assert room == "blocks" or not tops & {"gnuradio", "pmt"}, path
        assert room != "phy" or {name for name in imported if name.startswith("..")} <= {"..framing"}, path
