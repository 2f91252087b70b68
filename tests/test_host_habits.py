"""What a command line is expected to do: help, suggestions, a configuration file, completion."""

import re
import subprocess

import pytest
from deepsc_host import settings
from deepsc_host.cli import COMMANDS, parser
from host_process import deepsc_here


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Where the configuration file is: there is none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "deepsc").mkdir()
    return tmp_path / "deepsc" / "config.toml"


def parsed(*words: str):
    """The options as the command gets them."""
    top = parser(words[0])
    settings.apply(top, words[0])
    return top.parse_args(words)


def test_alone_it_shows_help():
    done = deepsc_here()
    assert (done.returncode, done.stderr) == (0, "")
    assert set(COMMANDS) <= set(re.findall(r"^ +(\w+)\b", done.stdout, re.M))


@pytest.mark.parametrize(
    "words, meant",
    [
        ("simulat x.wav", "simulate"),
        ("simulate --snrr 3 x.wav", "--snr"),
        ("simulate --channel awgm x.wav", "awgn"),
        ("flowgraph rum sim_gui", "run"),
        ("qqq", ""),
        ("send --qqq", ""),
    ],
)
def test_did_you_mean(words, meant):
    """One line, status 2, and no guess where nothing is near."""
    done = deepsc_here(*words.split())
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"did you mean {meant}?" in done.stderr if meant else "did you mean" not in done.stderr


def test_the_file_gives_defaults(config):
    """Shared, of a command, with the option's own type; the command line wins."""
    config.write_text('user-id = 7\nrate = 130\nvoices = "v"\n[send]\naddress = "tcp://10.0.0.1:5555"\nwait = true\n')
    args = parsed("send", "x.wav")
    assert (args.user_id, args.address, args.wait) == (7, "tcp://10.0.0.1:5555", True)
    assert parsed("send", "--user-id", "9", "x.wav").user_id == 9
    args = parsed("simulate", "x.wav")
    assert (args.user_id, args.rate, args.voices) == (7, "130", "v")
    assert parsed("receive").address != "tcp://10.0.0.1:5555"


@pytest.mark.parametrize(
    "text, says",
    [
        ("usr-id = 7", "did you mean user-id?"),
        ("[sennd]\nwait = true", "did you mean send?"),
        ("[send]\nadress = 'x'", "did you mean address?"),
        ("user-id = 70000", "from 0 to 65535"),
        ("[send]\nwait = 3", "must be true or false"),
        ("[send]\naddress = ['a', 'b']", "must be one value"),
        ("user-id = ", "is no TOML"),
    ],
)
def test_what_is_wrong_in_the_file(config, text, says):
    """One line that names the file; and `deepsc config` tells it as well."""
    config.write_text(text + "\n")
    done = deepsc_here("send", "x.wav")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert says in done.stderr and str(config) in done.stderr
    assert deepsc_here("config").returncode in (1, 2)


def test_set_and_unset_keep_comments(config):
    """Values in the type the option has; what is wrong changes nothing."""
    config.write_text("# my station\nuser-id = 7 # me\n")
    for key, value in (
        ("user-id", "8"),
        ("rate", "520"),
        ("send.wait", "true"),
        ("send.timeout", "2.5"),
        ("flowgraph.ssb_tx.ptt", "vox"),
    ):
        assert deepsc_here("config", "set", key, value).returncode == 0
    expected = (
        '# my station\nuser-id = 8 # me\nrate = "520"\n\n[send]\nwait = true\ntimeout = 2.5\n\n'
        '[flowgraph.ssb_tx]\nptt = "vox"\n'
    )
    assert config.read_text() == expected
    assert deepsc_here("config").stdout.splitlines()[1:] == [
        "  user-id = 8",
        "  rate = '520'",
        "  send.wait = true",
        "  send.timeout = 2.5",
        "  flowgraph.ssb_tx.ptt = 'vox'",
    ]
    for key, value in (("user-id", "me"), ("usr-id", "1"), ("flowgraph.ssb_tx.pt", "vox"), ("flowgraph.no.ptt", "vox")):
        done = deepsc_here("config", "set", key, value)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert config.read_text() == expected
    assert deepsc_here("config", "unset", "send.wait").returncode == 0
    assert deepsc_here("config", "unset", "send.wait").returncode == 2
    assert config.read_text() == expected.replace("wait = true\n", "")


def test_a_flowgraph_gets_its_table(config):
    """In front of what the command line says, so that the last wins."""
    from deepsc_host.graph.programs import locate

    config.write_text('[flowgraph.ssb_tx]\nptt = "vox"\ncall = "DL1ABC"\n')
    assert settings.of_flowgraph(locate("ssb_tx")) == ["--ptt=vox", "--call=DL1ABC"]
    assert settings.of_flowgraph(locate("sim_awgn")) == []
    config.write_text('[flowgraph.ssb_tx]\npt = "vox"\n')
    done = deepsc_here("flowgraph", "run", "ssb_tx")
    assert done.returncode == 2 and "did you mean ptt?" in done.stderr


def test_shared_options_are_those_of_several_commands():
    """Each of `SHARED` is an option of two commands at least, so that none is misspelt there."""
    commands = settings.commands(parser(*COMMANDS))
    for name in settings.SHARED:
        assert sum(name in settings.options(command) for command in commands.values()) >= 2, name


def test_bash_completes(tmp_path):
    """By bash itself: commands, options, choices and names of flowgraphs."""
    script = tmp_path / "deepsc.bash"
    script.write_text(deepsc_here("completion", "bash").stdout)

    def completed(line: str) -> list[str]:
        words = line.split(" ")
        ask = f"source {script}; COMP_WORDS=({' '.join(map(repr, words))}); "
        ask += f"COMP_CWORD={len(words) - 1}; _shtab_deepsc; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()

    assert completed("deepsc sim") == ["simulate"]
    assert completed("deepsc simulate --ra") == ["--rate"]
    assert completed("deepsc simulate --channel ri") == ["rician"]
    assert completed("deepsc flowgraph run ssb") == ["ssb_tx"]
