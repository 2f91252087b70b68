"""`python -m deepsc_export`: every command is there, help is quick, and what is refused is one line."""

import subprocess
import sys

import pytest
from deepsc_export.__main__ import COMMANDS, main

NAMES = [
    (name, *more)
    for name, (_, below) in COMMANDS.items()
    for more in ([(inner,) for inner in below] if isinstance(below, dict) else [()])
]
TRAININGS = [names for names in NAMES if names[0] == "train"]


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_every_command_says_what_it_takes(names, capsys):
    with pytest.raises(SystemExit) as end:
        main([*names, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: python -m deepsc_export {' '.join(names)} ")
    if names in TRAININGS:
        assert all(option in said for option in ("--out", "--lr", "--seed", "--device", "--threads"))


def test_the_list_of_commands_does_not_wait_for_torch():
    code = "import sys\nfrom deepsc_export.__main__ import main\n"
    code += "try: main(['train', '--help'])\nfinally: print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "recogniser" in said and said.endswith("False\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train recogniser nowhere --config compact --out OUT", "a corpus is a folder with metadata.csv"),
        ("train codec nowhere --recogniser nowhere --out OUT", "best.pt: not found; train it first"),
        ("train language nothing.txt --out OUT", "No such file"),
        ("export pair --recogniser nowhere --out OUT", "best.pt: not found; train it first"),
        ("evaluate nowhere", "a corpus is a folder with metadata.csv"),
        ("info --config other", None),
    ],
)
def test_a_refusal_is_one_line(command, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main([word.replace("OUT", str(tmp_path)) for word in command.split()])
    if message:
        assert message in str(end.value) and "\n" not in str(end.value)
    else:  # argparse's own
        assert end.value.code == 2 and "invalid choice" in capsys.readouterr().err
