"""What the documentation says of the project holds: made pages are fresh, links lead somewhere, commands are ones."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from crossed import crossed

from deepsc_host.cli import parser
from gr_deepsc.result import table

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(ROOT.glob("docs/*.md"))
