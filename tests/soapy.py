"""The radio of tests that have none: SoapySDR's driver `loopback`, compiled here (soapy_loopback/loopback.cpp).

A test module that wants the fixture says `pytest_plugins = ["soapy"]`.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "soapy_loopback" / "loopback.cpp"
UHD_MODULE = "uhd/modules/libsoapySupport.so"  # uhd-soapysdr: SoapySDR's devices under UHD's API
COMPILE_S = 120


@pytest.fixture(scope="session")
def soapy_loopback(tmp_path_factory):
    """Folder with the driver; processes started by the tests find it there as `driver=loopback`."""
    missing = [tool for tool in ("g++", "pkg-config") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"apt-get install {' '.join(missing)}")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "SoapySDR"], capture_output=True, text=True)
    if flags.returncode:
        pytest.skip("apt-get install libsoapysdr-dev")
    folder = tmp_path_factory.mktemp("soapy")
    command = ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", str(SOURCE)]
    command += ["-o", str(folder / "libloopback.so"), *flags.stdout.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(folder))
        yield folder


@pytest.fixture(scope="session")
def uhd_loopback(soapy_loopback):
    """The same driver, ready to be used as `type=soapy,driver=loopback` by UHD."""
    places = [Path("/usr/lib"), Path("/usr/local/lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    if not any((place / UHD_MODULE).is_file() for place in places):
        pytest.skip("apt-get install uhd-soapysdr")
    return soapy_loopback
