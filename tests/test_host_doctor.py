"""`deepsc doctor`, `deepsc keys` and the help: what a person meets when something is wrong."""

import hashlib
import json

import pytest
import zmq
from deepsc_host.cli import COMMANDS
from deepsc_host.commands import doctor
from deepsc_host.graph.devices import found
from host_process import deepsc, deepsc_here
from hosts import free_addresses

from gr_deepsc.link.sockets import open_socket

pytest_plugins = ["soapy"]


def test_doctor_checks_everything_and_exits_by_it():
    done = deepsc("doctor", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    names = [finding["name"] for finding in findings]
    for name in (
        "python",
        "numpy",
        "gnuradio",
        "packages",
        "blocks path",
        "grcc",
        "blocks",
        "models",
        "microphone",
        "UHD",
        "SoapySDR",
        "port",
    ):
        assert name in names
    for finding in findings:
        assert finding["status"] in ("ok", "warn", "fail")
        assert bool(finding["mend"]) == (finding["status"] != "ok"), finding
    failed = [finding["name"] for finding in findings if finding["status"] == "fail"]
    assert done.returncode == bool(failed)
    assert set(failed) <= {"models"}  # all else is there, or this test would not run
    readable = deepsc_here("doctor")
    assert readable.returncode == done.returncode
    assert "ok    gnuradio" in readable.stdout


def test_doctor_sees_a_port_in_use(monkeypatch):
    taken, free = free_addresses()
    monkeypatch.setattr(doctor, "AUDIO_ADDRESS", taken)
    monkeypatch.setattr(doctor, "RESULT_ADDRESS", free)
    context = zmq.Context()
    held = open_socket(context, "pull", taken, bind=True)
    in_use, not_in_use = doctor.check_ports()
    held.close()
    context.term()
    assert (in_use.status, taken in in_use.detail) == ("warn", True)
    assert (not_in_use.status, free in not_in_use.detail) == ("ok", True)


def test_doctor_sees_damaged_and_missing_models(tmp_path, fixture_model):
    [nothing] = doctor.check_models(tmp_path)
    assert (nothing.status, "SHA256SUMS" in nothing.detail) == ("fail", True)
    (tmp_path / "tiny").mkdir()
    lines = []
    for name in ("transmitter.onnx", "receiver.onnx"):
        content = (fixture_model / name).read_bytes()
        (tmp_path / "tiny" / name).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  tiny/{name}\n")
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    assert [finding.status for finding in doctor.check_models(tmp_path)] == ["ok", "ok"]
    (tmp_path / "tiny" / "receiver.onnx").write_bytes(b"x")
    good, bad = doctor.check_models(tmp_path)
    assert (good.status, bad.status) == ("ok", "fail")
    assert "not the file" in bad.detail
    (tmp_path / "tiny" / "receiver.onnx").unlink()
    assert "missing" in list(doctor.check_models(tmp_path))[1].detail


def test_doctor_without_gnuradio_still_examines_the_rest(tmp_path):
    (tmp_path / "gnuradio").mkdir()
    (tmp_path / "gnuradio" / "__init__.py").write_text("raise ImportError('broken on purpose')\n")
    done = deepsc("doctor", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "fail  gnuradio" in done.stdout and "make setup" in done.stdout
    assert "port" in done.stdout


def test_gnuradio_built_for_another_numpy_is_told_in_one_line(tmp_path):
    """As GNU Radio 3.10.5, built for NumPy 1, fails with NumPy 2: the reason is in the errors behind the last one."""
    (tmp_path / "pmt.py").write_text(
        "import sys\n"
        "print('A module that was compiled using NumPy 1.x\\n...', file=sys.stderr)\n"
        "try:\n"
        "    raise ImportError('numpy.core.multiarray failed to import')\n"
        "except ImportError as error:\n"
        "    raise ImportError('initialization failed') from error\n"
    )
    done = deepsc("flowgraph", "run", "sim_awgn", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "deepsc: GNU Radio cannot use the NumPy that is installed (numpy.core.multiarray failed to import): "
        "run `make clean setup`"
    ]


@pytest.mark.parametrize("missing", ["zmq", "onnxruntime", "sounddevice"])
def test_doctor_without_a_package_still_runs(tmp_path, missing):
    (tmp_path / f"{missing}.py").write_text(f"raise ImportError('No module named {missing}')\n")
    done = deepsc("doctor", PYTHONPATH=str(tmp_path))
    assert "Traceback" not in done.stderr
    assert f"No module named {missing}" in done.stdout


def test_keys(tmp_path):
    done = deepsc_here("keys", tmp_path / "keys")
    assert done.returncode == 0
    assert (tmp_path / "keys" / "server.key_secret").stat().st_mode & 0o777 == 0o600
    again = deepsc_here("keys", tmp_path / "keys")
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_reads_like_a_manual_page(command):
    done = deepsc_here(*command.split(), "--help")
    assert done.returncode == 0
    assert "EXIT STATUS" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 112
    assert done.stderr == ""


def test_version():
    assert deepsc("--version").stdout.startswith("gr-deepsc ")


def test_radios_are_listed(uhd_loopback):
    """The tests' software radio, which answers only who asks for it; UHD has it through its Soapy module."""
    by_soapy, by_uhd = found("driver=loopback"), found("type=soapy,driver=loopback")
    assert [device for device in by_soapy["SoapySDR"] if "driver=loopback" in device]
    assert [device for device in by_uhd["UHD"] if "loopback" in device]
