"""Whatever comes: samples, files, messages and headers that Hypothesis thinks of, always the same ones."""

import json

import numpy as np
import pytest
from deepsc_host.files.encoding import decoded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gr_deepsc.english import plain, unspoken
from gr_deepsc.link.assembler import Assembler
from gr_deepsc.link.protocol import RESULT, ProtocolError, pack_audio, pack_result, unpack, unpack_result
from gr_deepsc.phy import header
from gr_deepsc.phy.header import Header, HeaderError
from gr_deepsc.phy.preamble import PREAMBLES
from gr_deepsc.speech import audio
from gr_deepsc.text import ALPHABET

# No clock and no chance in what is tried; the fixture that Hypothesis warns of is a folder.
bounded = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MAGIC = [
    b"",
    b"RIFF\x24\0\0\0WAVEfmt ",
    b"fLaC",
    b"OggS\0\2",
    b"ID3\4",
    b"FORM\0\0\0\0AIFFCOMM",
    b".snd",
    b"caff",
    b"\xff\xfb",
]
MAGIC += [b"\0\0\0\x20ftypM4A ", b"\x1aE\xdf\xa3", b"#!AMR\n", b"RF64\xff\xff\xff\xffWAVEds64", b"riff.\x91\xcf\x11"]


@bounded
@given(start=st.sampled_from(MAGIC), rest=st.binary(max_size=4000))
def test_field_any_bytes_are_read_or_refused(tmp_path, start, rest):
    path = tmp_path / "any"
    path.write_bytes(start + rest)
    try:
        samples, rate = audio.read(path)
    except audio.AudioError as error:
        assert error.error_type in ("corrupt", "empty", "too_long", "bad_format", "bad_rate") and "\n" not in str(error)
    else:
        assert samples.dtype == np.float32 and samples.ndim == 1 and rate > 0


@bounded
@given(
    samples=arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.int32, np.uint8, np.complex64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=900),
        fill=st.just(1),
    ),
    rate=st.one_of(st.sampled_from([8000, 44100, 192000]), st.floats()),
)
def test_field_any_samples_are_taken_or_refused(samples, rate):
    """What is taken is finite, and has the length that the rates say."""
    try:
        taken = audio.check(samples, rate)
    except audio.AudioError as error:
        assert "\n" not in str(error)
    else:
        assert taken.dtype == np.float32 and taken.shape == (-(-len(samples) * 16000 // round(rate)),)
        assert np.isfinite(taken).all()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["version", "type", "chunk", "end", "sample_rate", "format", "published", *RESULT]
SOUND = [json.loads(pack_audio(np.zeros(0), session="a", seq=0)[0]), json.loads(pack_result({})[0])]


@bounded
@given(
    base=st.sampled_from(SOUND),
    changes=st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4),
    left_out=st.sets(st.sampled_from(KEYS), max_size=2),
    payload=st.binary(max_size=64),
)
def test_field_any_header_of_a_message_is_sound_or_refused(base, changes, left_out, payload):
    """Nothing but ProtocolError, of unpacking and of joining; a sound result can be packed again."""
    head = {key: value for key, value in (base | changes).items() if key not in left_out}
    frames = [json.dumps(head).encode(errors="replace"), payload]
    try:
        fields, sound = unpack(frames)
        if fields["type"] == "result":
            message = unpack_result(frames)
            assert (
                unpack_result(pack_result(message.result.as_json() | {"words": None})).result.text
                == message.result.text
            )
        else:
            Assembler().push(fields, sound)
    except ProtocolError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
        unpack_result(pack_result(error.result()))


@bounded
@given(frames=st.lists(st.binary(max_size=100), max_size=4))
def test_field_any_frames_are_refused(frames):
    """Bytes at random are no JSON with a version."""
    with pytest.raises(ProtocolError):
        unpack(frames)


kinds = st.sampled_from(sorted(PREAMBLES))
headers = st.builds(
    Header,
    st.integers(0, 7),
    st.integers(0, 65535),
    st.integers(0, 31),
    st.integers(0, 3),
    st.booleans(),
    st.integers(1, 512),
)


@bounded
@given(sent=headers, kind=kinds, turned=st.floats(-0.5, 0.5))
def test_field_every_header_comes_back(sent, kind, turned):
    """Without noise, also where the phase is known to half a radian only: cos 0.5 - sin 0.5 > 0 keeps all signs."""
    symbols = header.encode(sent, PREAMBLES[kind]) * np.complex64(np.exp(1j * turned))
    assert header.decode(header.demap(symbols, np.complex64(1), 1.0)) == sent


@bounded
@given(kind=kinds, seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.0, 1e-30, 1.0, 100.0]))
def test_field_any_soft_bits_are_a_header_or_refused(kind, seed, scale):
    llrs = scale * np.random.default_rng(seed).standard_normal(2 * PREAMBLES[kind].header)
    try:
        found = header.decode(llrs.astype(np.float32))
    except HeaderError as error:
        assert error.error_type in ("header_crc", "header_version")
    else:
        assert 1 <= found.frames <= 512 and 0 <= found.seq < 32


@bounded
@given(text=st.text(max_size=200))
def test_field_any_text_is_spoken_or_named(text):
    assert set(plain(text)) <= set(ALPHABET)
    assert not set(unspoken(text)) & set(ALPHABET)
    for encoding in ("utf-8-sig", "utf-16"):
        assert decoded(text.encode(encoding, "replace"))[0] == text.encode(encoding, "replace").decode(encoding)
