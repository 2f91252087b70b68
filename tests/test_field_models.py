"""A model file that is another one, or was damaged, is refused when it is opened."""

import hashlib
import os
import shutil
import time

import pytest

from gr_deepsc import sums
from gr_deepsc.session import MODELS, ContractError, open_model
from gr_deepsc.sums import check_hash


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(MODELS / "compact", tmp_path / "compact")
    shutil.copy(MODELS / "SHA256SUMS", tmp_path)
    return tmp_path / "compact"


def test_field_changed_bytes_are_refused_at_load(folder):
    """A bit of a weight changes no contract, and with the times put back not even the file's date."""
    path = folder / "receiver.onnx"
    wanted = {"kind": "receiver"}
    assert open_model(path, wanted)
    before, raw = path.stat(), bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ContractError, match=r"receiver.onnx is not the file that .*SHA256SUMS describes"):
        open_model(path, wanted)
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert open_model(path, wanted)


def test_field_another_kind_of_model_is_refused(folder):
    """Where SHA256SUMS lists it by its bytes, elsewhere by what it says of itself."""
    shutil.copy(MODELS / "default" / "receiver.onnx", folder / "receiver.onnx")
    with pytest.raises(ContractError, match="SHA256SUMS"):
        open_model(folder / "receiver.onnx", {"kind": "receiver"})
    (folder.parent / "SHA256SUMS").unlink()
    shutil.copy(MODELS / "compact" / "transmitter.onnx", folder / "receiver.onnx")
    with pytest.raises(ContractError, match="its kind is 'transmitter', needed is 'receiver'"):
        open_model(folder / "receiver.onnx", {"kind": "receiver"})


def test_field_a_file_is_hashed_once_for_each_change(folder, monkeypatch):
    """What start-up costs: 7 MB hashed at 0.2 to 1 GB/s or more, and the second time nothing."""
    path, hashed = folder / "transmitter.onnx", []
    digest = hashlib.file_digest
    monkeypatch.setattr(sums.hashlib, "file_digest", lambda file, kind: hashed.append(1) or digest(file, kind))
    begin = time.perf_counter()
    check_hash(path)
    assert time.perf_counter() - begin < 1
    for _ in range(3):
        check_hash(path)
    assert len(hashed) == 1
