"""Recordings: what is written is read, the sigmf package agrees, and what is broken is refused by its type."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sigmf

import gr_deepsc
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.radio import iqfile
from gr_deepsc.radio.iqfile import Annotation, IqFileError, IqReader, IqWriter

RATE, FREQUENCY = 200e3, 433.92e6  # Hz
LEVEL = 0.1  # r.m.s.; of full scale, so that nothing clips
# What an integer format adds, in theory: an error spread evenly over one step, in I and in Q.
STEP = {"ci16_le": 2.0**-15, "ci8": 2.0**-7, "cu8": 2.0**-7}


@pytest.fixture
def samples():
    return (LEVEL * complex_gaussian(np.random.default_rng(3), 50_000)).astype(np.complex64)


def record(path, samples, **options):
    """A recording of `samples`, with 433.92 MHz and 200 ksps."""
    with IqWriter(path, RATE, FREQUENCY, **options) as writer:
        writer.write(samples)
    return writer


def all_of(reader: IqReader, size: int = 4096) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.complex64), *reader.chunks(size)])


def pair(path, raw: bytes, *, captures=({"core:sample_start": 0},), annotations=(), **fields) -> None:
    """A recording made by another program: raw bytes, and fields of the global object."""
    path.with_suffix(".sigmf-data").write_bytes(raw)
    info = {"core:version": "1.0.0", "core:sample_rate": RATE}
    info |= {f"core:{key}": value for key, value in fields.items()}
    document = {"global": info, "captures": list(captures), "annotations": list(annotations)}
    path.with_suffix(".sigmf-meta").write_text(json.dumps(document))


def error_type(call, *arguments, **options) -> str:
    with pytest.raises(IqFileError) as caught:
        call(*arguments, **options)
    assert len(str(caught.value)) > 20  # a sentence, not a number
    return caught.value.error_type


def test_float_recording_is_exact(tmp_path, samples):
    """In pieces of any size, and with all that the metadata has to say."""
    before = datetime.now(UTC)
    with IqWriter(tmp_path / "a", RATE, FREQUENCY, "two bursts", hardware="loopback") as writer:
        for piece in np.split(samples, [1, 8, 4104]):
            writer.write(piece)
        writer.annotate(9000, 100, "burst 2", "too late")
        writer.annotate(10, 4000, "burst 1")
    reader = IqReader(tmp_path / "a.sigmf-meta", verify=True)
    for size in (1000, 4096, 1 << 20):
        pieces = list(reader.chunks(size))
        assert all(len(piece) == size for piece in pieces[:-1]) and pieces[0].dtype == np.complex64
        np.testing.assert_array_equal(np.concatenate(pieces), samples)
    meta = reader.meta
    assert (meta.sample_rate, meta.center_frequency, meta.datatype) == (RATE, FREQUENCY, "cf32_le")
    assert (meta.sample_count, meta.description, meta.hardware) == (len(samples), "two bursts", "loopback")
    assert meta.recorder == f"gr-deepsc {gr_deepsc.__version__}"
    assert meta.annotations == (Annotation(10, 4000, "burst 1", ""), Annotation(9000, 100, "burst 2", "too late"))
    assert before <= datetime.fromisoformat(meta.datetime) <= before + timedelta(seconds=10)
    assert meta.sha512 == hashlib.sha512(samples.tobytes()).hexdigest()


@pytest.mark.parametrize("datatype", iqfile.WRITABLE)
def test_sigmf_package_reads_it(tmp_path, samples, datatype):
    """The reference implementation: schema, hash and samples, without a warning."""
    writer = record(tmp_path / "a", samples, datatype=datatype)
    writer.close()
    with warnings.catch_warnings(action="error"):
        theirs = sigmf.sigmffile.fromfile(str(tmp_path / "a.sigmf-meta"))
        theirs.validate()
        np.testing.assert_allclose(theirs[:], all_of(IqReader(tmp_path / "a")), atol=1e-7)
    info = theirs.get_global_info()
    assert info["core:author"] == "" and info["core:recorder"].startswith("gr-deepsc ")
    assert theirs.get_captures()[0]["core:frequency"] == FREQUENCY


@pytest.mark.parametrize("datatype", ["ci16_le", "ci8"])
def test_quantisation_noise(tmp_path, samples, datatype):
    """Theory: the power of the error is step^2 / 12 in I and in Q."""
    assert record(tmp_path / "a", samples, datatype=datatype).clipped == 0
    error = all_of(IqReader(tmp_path / "a")) - samples
    assert np.mean(np.abs(error) ** 2) == pytest.approx(STEP[datatype] ** 2 / 6, rel=0.03)
    assert abs(error.mean()) < 5 * STEP[datatype] / np.sqrt(6 * len(error))


def test_full_scale_clips_and_counts(tmp_path):
    """Two's complement reaches -1, not +1."""
    sent = np.array([0.5 - 0.5j, 1 + 0j, -1 - 1j, 3 - 3j, 1e30j], np.complex64)
    assert record(tmp_path / "a", sent, datatype="ci8").clipped == 3
    top = 127 / 128
    expected = np.array([0.5 - 0.5j, top, -1 - 1j, top - 1j, top * 1j], np.complex64)
    np.testing.assert_array_equal(all_of(IqReader(tmp_path / "a")), expected)


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("kind", ["f32", "f64", "i32", "i16", "u32", "u16", "i8", "u8"])
def test_other_programs_datatypes(tmp_path, samples, kind, order):
    """Every complex type of the specification, both byte orders, as the sigmf package scales it."""
    dtype = np.dtype(f"{'<' if order == 'le' else '>'}{kind[0]}{int(kind[1:]) // 8}")
    parts = samples.view(np.float32).astype(float)
    step = 0.0
    if kind[0] != "f":
        step = 2.0 ** (1 - int(kind[1:]))
        parts = np.rint(parts / step) + (1 / step if kind[0] == "u" else 0)
    datatype = f"c{kind}" if kind in ("i8", "u8") else f"c{kind}_{order}"
    pair(tmp_path / "a", parts.astype(dtype).tobytes(), datatype=datatype)
    read = all_of(IqReader(tmp_path / "a"))
    np.testing.assert_allclose(read, samples, atol=step + 1e-7)
    theirs = sigmf.sigmffile.fromfile(str(tmp_path / "a.sigmf-meta"), skip_checksum=True)[:]
    np.testing.assert_allclose(read, theirs, atol=1e-7)


@pytest.mark.parametrize("datatype", ["cf16_le", "cf32_me", "complex64", "", "ci12_le"])
def test_other_datatypes_are_refused(tmp_path, datatype):
    pair(tmp_path / "a", b"\0" * 64, datatype=datatype)
    with pytest.raises(IqFileError, match=r"cf32_le|core:datatype") as caught:
        IqReader(tmp_path / "a")
    assert caught.value.error_type in ("bad_datatype", "bad_metadata")


def test_offset_and_missing_fields(tmp_path):
    """Marks count from core:offset; frequency, time and captures may be absent."""
    marks = [{"core:sample_start": 105}, {"core:sample_start": 106, "core:sample_count": 2, "core:label": "b"}]
    pair(tmp_path / "a", b"\0" * 64, datatype="cf32_le", offset=100, captures=(), annotations=marks)
    meta = iqfile.read(tmp_path / "a")
    assert (meta.center_frequency, meta.datetime, meta.sha512, meta.sample_count) == (None, None, None, 8)
    assert meta.annotations == (Annotation(5, None, "", ""), Annotation(6, 2, "b", ""))


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"num_channels": 0}, "bad_metadata"),
        ({"dataset": "a.wav"}, "missing"),
        ({"dataset": "../a.sigmf-data"}, "bad_metadata"),
        ({"dataset": ""}, "bad_metadata"),
        ({"dataset": "."}, "bad_metadata"),
        ({"extensions": [{"name": "x", "version": "1.0.0", "optional": False}]}, "unsupported"),
        ({"sample_rate": None}, "bad_metadata"),
        ({"sample_rate": -1}, "bad_metadata"),
        ({"sample_rate": float("nan")}, "bad_metadata"),
        ({"datatype": 7}, "bad_metadata"),
    ],
)
def test_metadata_is_refused(tmp_path, fields, expected):
    pair(tmp_path / "a", b"\0" * 64, **({"datatype": "cf32_le"} | fields))
    assert error_type(iqfile.read, tmp_path / "a") == expected


@pytest.mark.parametrize(
    "fields, count, warning",
    [
        ({"captures": [{"core:frequency": 1e6, "sdrangel:tsms": 0}]}, 8, None),  # SDRangel leaves zeros out
        ({"extensions": {"antenna": "1.0.0"}}, 8, None),  # SigMF 0.0.x
        ({"extensions": [{"name": "antenna", "version": "1.0.0", "optional": True}]}, 8, None),
        ({"hagelbarger": 7, "description": 7, "hw": None}, 8, None),
        ({"num_channels": 2}, 4, None),
        ({"captures": [7]}, 8, "captures that are no objects"),
        ({"captures": "all"}, 8, "captures that are no objects"),
        ({"captures": [{"core:sample_start": 9}]}, 8, "speaks of more"),
        ({"captures": [{"core:frequency": 1e6}, {"core:sample_start": 4, "core:frequency": 2e6}]}, 8, "tuned"),
        ({"captures": [{"core:header_bytes": 12}]}, 6, "last 4 bytes"),
        ({"trailing_bytes": 16}, 6, None),
        ({"annotations": [{"core:sample_start": "0"}]}, 8, "no whole number"),
        ({"annotations": [{"core:sample_start": 2, "core:sample_count": 9}]}, 8, "cut off"),
        ({"annotations": [{"core:sample_start": 99}]}, 8, "cut off"),
    ],
)
def test_field_metadata_that_are_got_over(tmp_path, fields, count, warning):
    """Of 64 bytes of cf32_le: how many samples, and what is said beside them."""
    pair(tmp_path / "a", b"\0" * 64, **({"datatype": "cf32_le"} | fields))
    meta = iqfile.read(tmp_path / "a")
    assert meta.sample_count == count
    assert all(mark.start_sample + (mark.count or 0) <= count for mark in meta.annotations)
    assert [warning in said for said in meta.warnings] == [True] * bool(warning)


@pytest.mark.parametrize("depth", [900, 100_000])
def test_field_deep_metadata(tmp_path, depth):
    """Deep where nobody looks is read, as far as Python's own parser goes; then it is refused in one line."""
    pair(tmp_path / "a", b"\0" * 64, datatype="cf32_le", deep=0)
    meta = tmp_path / "a.sigmf-meta"
    meta.write_text(meta.read_text().replace('"core:deep": 0', f'"core:deep": {"[" * depth}{"]" * depth}'))
    if depth == 900:
        assert iqfile.read(tmp_path / "a").sample_count == 8
    else:
        assert error_type(iqfile.read, tmp_path / "a") == "bad_metadata"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"7", b'{"global": 1}', b'{"captures": []}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_metadata_is_refused(tmp_path, samples, text):
    record(tmp_path / "a", samples)
    (tmp_path / "a.sigmf-meta").write_bytes(text)
    assert error_type(iqfile.read, tmp_path / "a") == "bad_metadata"


def test_huge_metadata_is_refused(tmp_path, samples):
    """By its size, before it is read."""
    record(tmp_path / "a", samples)
    with (tmp_path / "a.sigmf-meta").open("r+b") as file:
        file.truncate(1 << 40)
    assert error_type(iqfile.read, tmp_path / "a") == "bad_metadata"


@pytest.mark.parametrize("ending", ["data", "meta"])
def test_missing_half(tmp_path, samples, ending):
    record(tmp_path / "a", samples)
    (tmp_path / f"a.sigmf-{ending}").unlink()
    assert error_type(iqfile.read, tmp_path / "a") == "missing"
    (tmp_path / f"a.sigmf-{ending}").mkdir()
    assert error_type(iqfile.read, tmp_path / "a") == "missing"


def test_cut_and_changed_data(tmp_path, samples):
    """A cut within a sample is seen at once, and got over; one between samples or another byte only by the hash."""
    record(tmp_path / "a", samples)
    data = tmp_path / "a.sigmf-data"
    raw = data.read_bytes()
    data.write_bytes(raw[:-3])
    meta = iqfile.read(tmp_path / "a")
    assert meta.sample_count == len(samples) - 1 and "last 5 bytes" in meta.warnings[0]
    for changed in (raw[:-8], raw[:1000] + bytes([raw[1000] ^ 1]) + raw[1001:]):
        data.write_bytes(changed)
        assert iqfile.read(tmp_path / "a").sample_count == len(changed) // 8
        assert error_type(iqfile.read, tmp_path / "a", verify=True) == "hash_mismatch"


def test_file_that_shrinks_while_it_is_read(tmp_path, samples):
    record(tmp_path / "a", samples)
    pieces = IqReader(tmp_path / "a").chunks(1000)
    next(pieces)
    (tmp_path / "a.sigmf-data").write_bytes(b"\0" * 12_004)
    assert error_type(list, pieces) == "truncated"


def test_not_a_number(tmp_path, samples):
    """Not written; read as 0, and the warning names the sample."""
    for bad in (np.nan, np.inf, complex(0, -np.inf)):
        broken = samples.copy()
        broken[20_000] = bad
        with IqWriter(tmp_path / "a", RATE) as writer:
            writer.write(samples)
            assert error_type(writer.write, broken) == "not_finite"
            assert error_type(writer.write, np.array([1e39j])) == "not_finite"  # in float32
        assert iqfile.read(tmp_path / "a", verify=True).sample_count == len(samples)
        pair(tmp_path / "b", broken.tobytes(), datatype="cf32_le")
        reader, broken[20_000] = IqReader(tmp_path / "b"), 0
        np.testing.assert_array_equal(all_of(reader), broken)
        assert "sample 20000" in reader.meta.warnings[0]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"sample_rate": 0}, "bad_rate"),
        ({"sample_rate": float("nan")}, "bad_rate"),
        ({"sample_rate": float("inf")}, "bad_rate"),
        ({"center_frequency": float("nan")}, "bad_rate"),
        ({"datatype": "rf32_le"}, "bad_datatype"),
        ({"path": "no/such/folder/a"}, "unwritable"),
    ],
)
def test_writer_refuses(tmp_path, options, expected):
    options = {"path": "a", "sample_rate": RATE} | options
    options["path"] = tmp_path / options["path"]
    assert error_type(IqWriter, **options) == expected
    assert not list(tmp_path.iterdir())


def test_writer_refuses_samples(tmp_path, samples):
    with IqWriter(tmp_path / "a", RATE) as writer:
        for bad in (samples.real, samples.reshape(2, -1), 7, []):
            assert error_type(writer.write, bad) == "bad_format"
        assert error_type(writer.annotate, -1, 5, "x") == "bad_format"
    assert error_type(writer.write, samples) == error_type(writer.annotate, 0, 1, "x") == "closed"


def test_empty_recording(tmp_path):
    with IqWriter(tmp_path / "a", RATE) as writer:
        writer.write(np.zeros(0, np.complex64))
    reader = IqReader(tmp_path / "a", verify=True)
    assert reader.meta.sample_count == 0 and list(reader.chunks(10)) == []


# Run in a process of its own: write, then die as it is told to.
CRASH = """
import os, resource, signal, sys
import numpy as np
from gr_deepsc.radio.iqfile import IqFileError, IqWriter
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_004, 100_004))
writer = IqWriter(sys.argv[1], 200e3)
writer.annotate(12_400, 500, "burst")
try:
    for k in range(15):
        writer.write(np.full(1000, k + 1, np.complex64))
except IqFileError as error:
    assert error.error_type == "unwritable" and k == 12, (error, k)
    writer.close()
    sys.exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end, count", [("kill", 15_000), ("full", 12_000)])
def test_what_was_written_outlives_the_process(tmp_path, end, count):
    """Killed before close: all is there, only hash and marks are not. Disk full: whole pieces, hash right."""
    done = subprocess.run([sys.executable, "-c", CRASH, tmp_path / "a", end], capture_output=True, timeout=60)
    assert done.returncode == (-9 if end == "kill" else 0), done.stderr
    reader = IqReader(tmp_path / "a", verify=end == "full")
    np.testing.assert_array_equal(all_of(reader), np.repeat(np.arange(count // 1000) + 1, 1000))
    if end == "kill":
        assert reader.meta.sha512 is None and reader.meta.annotations == ()
        assert error_type(IqReader, tmp_path / "a", verify=True) == "no_hash"


def test_error_inside_with_still_completes_it(tmp_path, samples):
    with pytest.raises(RuntimeError), IqWriter(tmp_path / "a", RATE) as writer:
        writer.write(samples)
        raise RuntimeError
    assert iqfile.read(tmp_path / "a", verify=True).sample_count == len(samples)


def test_memory_is_that_of_a_piece(tmp_path):
    """64 MB written and read in pieces of 0.5 MB: less than 4 MB at any time."""
    piece = np.full(1 << 16, 0.25j, np.complex64)
    tracemalloc.start()
    with IqWriter(tmp_path / "a", RATE, datatype="ci16_le") as writer:
        for _ in range(256):
            writer.write(piece)
    total = sum(len(samples) for samples in IqReader(tmp_path / "a", verify=True).chunks(1 << 16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 256 << 16
    assert peak < 4e6
