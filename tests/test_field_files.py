"""What people's disks did to their files: nothing that is read is overwritten, nothing is left half."""

import json
import os
import resource
import signal
import subprocess

import pytest
import soundfile
from host_process import COMMAND, deepsc_here

from gr_deepsc.files import Beside, FileError
from gr_deepsc.link.sockets import make_keys


@pytest.fixture
def own(tmp_path, speak, fixture_model):
    """own.wav in a folder; options that need no trained model."""
    soundfile.write(tmp_path / "own.wav", speak("hello world"), 16000, subtype="FLOAT")
    return tmp_path / "own.wav", ("--model", fixture_model, "--rate", "paper")


@pytest.mark.parametrize("name", ["own.wav", "link.wav", "hard.wav", "sub/../own.wav"])
def test_field_record_does_not_replace_what_it_reads(own, name):
    path, options = own
    before, folder = path.read_bytes(), path.parent
    (folder / "sub").mkdir()
    (folder / "link.wav").symlink_to("own.wav")
    (folder / "hard.wav").hardlink_to(path)
    done = deepsc_here("record", path, "--out", folder / name, *options)
    assert done.returncode == 2 and path.read_bytes() == before
    assert "is what is read" in done.stderr and len(done.stderr.splitlines()) == 1


def test_field_record_of_several_does_not_send_its_own_half(own, speak):
    """Neither a later recording nor the transcripts are overwritten."""
    path, options = own
    soundfile.write(path.parent / "b.wav", speak("bye"), 16000, subtype="FLOAT")
    assert deepsc_here("record", path, path.parent / "b.wav", "--out", path.parent / "b.wav", *options).returncode == 2
    (path.parent / "t.sigmf-meta").write_text("own|hello world\n")
    told = ("--transcripts", path.parent / "t.sigmf-meta")
    assert deepsc_here("record", path, "--out", path.parent / "t", *told, *options).returncode == 2
    assert (path.parent / "t.sigmf-meta").read_text() == "own|hello world\n"


def test_field_simulate_does_not_replace_what_it_reads(own):
    """The speech of own.wav would lie in own.received.wav, which is the next recording."""
    path, options = own
    other = path.with_name("own.received.wav")
    other.write_bytes(path.read_bytes())
    done = deepsc_here("simulate", path, other, "--out", path.parent, *options)
    assert done.returncode == 2 and other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["foo.bin", "foo.flac", "foo.sigmf"])
def test_field_record_refuses_a_name_that_it_would_not_give(own, name):
    path, options = own
    done = deepsc_here("record", path, "--out", path.parent / name, *options)
    assert done.returncode == 2 and "must end in .sigmf-meta" in done.stderr
    assert not list(path.parent.glob("foo*"))


def _limited(*arguments: object, size: int) -> subprocess.CompletedProcess:
    """`deepsc` where no file may grow beyond `size` bytes: the system answers as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, preexec_fn=limit)


@pytest.mark.parametrize("name", ["new.wav", "new.sigmf-meta"])
def test_field_a_full_disk_leaves_no_half_recording(own, name):
    """The older file of that name is as it was; nothing else is there, and one line says why."""
    path, options = own
    (path.parent / name).write_bytes(b"older")
    before = sorted(path.parent.iterdir())
    done = _limited("record", path, "--out", path.parent / name, *options, size=10_000)
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("deepsc: cannot write") and "File too large" in line and ".deepsc-" not in line
    assert (path.parent / name).read_bytes() == b"older" and sorted(path.parent.iterdir()) == before


def test_field_a_full_disk_and_speech(tmp_path):
    done = _limited("say", "a long sentence to say", "--out", tmp_path / "say.wav", size=10_000)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.iterdir())


def test_field_keys_on_a_full_disk_do_not_block_the_next_try(tmp_path):
    done = _limited("keys", tmp_path / "keys", size=100)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert [each for each in (tmp_path / "keys").rglob("*") if each.is_file()] == []
    assert len(make_keys(tmp_path / "keys")) == 5


def test_field_files_take_their_place_when_they_are_whole(tmp_path):
    """Through a link, which stays one; after an error what was there stays."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(FileError, match=r"cannot write .*real: No space left"), Beside(tmp_path / "link") as beside:
        beside.path.write_text("half")
        raise OSError(28, os.strerror(28), str(beside.path))
    assert (tmp_path / "real").read_text() == "old"
    with Beside(tmp_path / "link") as beside:
        beside.path.write_text("new")
    assert (tmp_path / "real").read_text() == "new" and (tmp_path / "link").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "real"]


def test_field_names_that_are_no_text(own):
    """Bytes that are no UTF-8, and an escape sequence that would colour the terminal: read, and printed harmlessly."""
    path, options = own
    strange = os.fsdecode(os.fsencode(path.parent) + b"/\xff\x1b[31m.wav")
    os.link(path, strange)
    command = [*COMMAND, "simulate", strange, strange + "no", *map(str, options), "--out", str(path.parent / "out")]
    done = subprocess.run(command, capture_output=True, timeout=90)
    assert done.returncode == 1 and b"hello world" in done.stdout, done.stderr
    assert b"Traceback" not in done.stderr and b"\x1b" not in done.stdout + done.stderr
    done = subprocess.run([*command, "--json"], capture_output=True, timeout=90, env=os.environ | {"PYTHONUTF8": "1"})
    read, missing = map(json.loads, done.stdout.splitlines())
    assert os.fsencode(read["file"]) == os.fsencode(strange) and missing["error_type"] == "missing"
    command = [*COMMAND, "record", strange, *map(str, options), "--out", strange]
    assert subprocess.run(command, capture_output=True, timeout=90).returncode == 2


def test_field_standard_input_is_a_recording(own):
    path, options = own
    command = [*COMMAND, "simulate", "-", *map(str, options)]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, timeout=90)
    assert done.returncode == 0 and b"hello world" in done.stdout, done.stderr
    shell = ["bash", "-c", 'f=$0; "$@" <(cat "$f")', str(path), *COMMAND, "simulate", *map(str, options)]
    done = subprocess.run(shell, capture_output=True, timeout=90)
    assert done.returncode == 0 and b"hello world" in done.stdout, done.stderr
