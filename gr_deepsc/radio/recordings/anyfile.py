"""From a path to one stream of samples, whoever wrote the file: by its content, and by its name where that is mute."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ..iqfile.archive import is_archive
from ..iqfile.common import MAX_RATE, IqFileError, SampleFormat, file_pair
from ..iqfile.reader import IqReader
from ..iqfile.samples import Blemishes, Samples, Source, Stretch, stated_rate
from . import guess, names, riff, sound, stereo
from .recording import KINDS, Channels, Hints, Recording

HEAD = 512  # bytes
SAMPLE = 1 << 18  # bytes that are looked at for their format
NO_HINTS = Hints()


def open_recording(path: str | Path, hints: Hints = NO_HINTS) -> Recording:
    """A recording of a radio's samples or audio.

    Raises:
        IqFileError: missing or unreadable; bad_metadata, bad_datatype or unsupported, of SigMF; bad_rate, where nobody
            says how fast samples without a header are; bad_channel; truncated, where there are no samples.
    """
    path = Path(path)
    if hints.sample_rate is not None and not 0 < hints.sample_rate <= MAX_RATE:
        raise IqFileError("bad_rate", f"sample rate {hints.sample_rate:g} Hz is not in 0..{MAX_RATE:g} Hz")
    if hints.kind not in (None, *KINDS):
        raise IqFileError("bad_format", f"a recording is one of {', '.join(KINDS)}, not {hints.kind!r}")
    try:
        return _opened(path, hints)
    except OSError as error:
        raise IqFileError("unreadable", f"cannot read {path}: {error.strerror}") from None


def _opened(path: Path, hints: Hints) -> Recording:
    if not path.is_file():
        if not path.is_dir() and not path.suffix.startswith(".sigmf") and not file_pair(path)[1].is_file():
            raise IqFileError("missing", f"no file {path}, and no {file_pair(path)[1].name} either")
        return _sigmf(path, hints)
    with path.open("rb") as file:
        head = file.read(HEAD)
    data, meta = file_pair(path)
    if is_archive(path, head) or head.lstrip().startswith(b"{") or path == meta or (path == data and meta.is_file()):
        return _sigmf(path, hints)
    if riff.is_wav(head):
        return _wav(path, hints)
    if not sound.is_sound(head):
        if hints.datatype or path.suffix.lower() in names.OF_SUFFIX or path.suffix.lower() in names.UNTOLD:
            return _bare(path, hints)
        if not head:
            raise IqFileError("unreadable", f"{path} is an empty file")
    try:
        blemishes = Blemishes()
        channels, count = sound.read(str(path), blemishes)
    except IqFileError as refusal:
        if sound.is_sound(head):
            raise
        raise IqFileError(
            "unreadable",
            f"{path} is neither SigMF nor a sound file ({refusal}); samples without a header need --datatype and "
            "--sample-rate",
        ) from None
    return _of_channels(path, channels, count, hints, blemishes)


def _sigmf(path: Path, hints: Hints) -> Recording:
    reader = IqReader(path, sample_rate=hints.sample_rate)
    meta, samples = reader.meta, reader.samples
    _check_channel(path, hints, meta.channels)
    if meta.channels > 1 and hints.channel is None:
        meta.warnings.add(f"{path} has {meta.channels} channels; this is the first, see --from-channel")
    return Recording(
        *(str(path), meta.sample_rate, meta.sample_count, not samples.format.complex),
        partial(_channel, samples, (hints.channel or 1) - 1),
        *(meta.center_frequency, meta.symbol_rate, meta.offset, meta.warnings),
    )


def _bare(path: Path, hints: Hints) -> Recording:
    """Samples without a header."""
    blemishes, source, said = Blemishes(), Source.of(path), names.told(str(path))
    datatype = names.OF_SUFFIX.get(f".{hints.datatype}" if hints.datatype else path.suffix.lower(), hints.datatype)
    if datatype is None:
        datatype = guess.datatype(_middle(source)) or "cu8"
        blemishes.add(f"{path} has no header: taken as {datatype}, by its bytes; see --datatype")
    rate = hints.sample_rate or said.sample_rate
    if rate is None:
        raise IqFileError("bad_rate", f"{path} has no header that tells its sample rate; say it by --sample-rate")
    if hints.sample_rate is None:
        blemishes.add(f"{path} has no header: {rate:.10g} samples a second, by its name; see --sample-rate")
    format = SampleFormat(datatype)
    count, remainder = divmod(source.size, format.sample_size)
    if remainder:
        blemishes.add(f"{path} ends within a sample: its last {remainder} bytes are left out")
    samples = Samples(source, format, (Stretch(0, count),), 1, blemishes)
    return Recording(
        *(str(path), rate, _some(path, count), not format.complex),
        partial(_channel, samples, 0),
        center_frequency=said.frequency,
        warnings=blemishes,
    )


def _wav(path: Path, hints: Hints) -> Recording:
    blemishes, source = Blemishes(), Source.of(path)
    wav = riff.read(source, blemishes)
    samples = wav.samples(source, blemishes)
    if samples is None:
        channels, count = sound.read(str(path), blemishes)
    else:
        channels, count = Channels(samples.blocks, samples.channels, wav.format.sample_rate), _some(path, samples.count)
    if wav.from_radio and channels.number == 2 and hints.kind is None and hints.channel is None:
        hints = hints._replace(kind="iq")
    recording = _of_channels(path, channels, count, hints, blemishes)
    recording.center_frequency = wav.center_frequency or recording.center_frequency
    return recording


def _of_channels(path: Path, channels: Channels, count: int | None, hints: Hints, blemishes: Blemishes) -> Recording:
    """A sound file: I and Q, or the audio band."""
    _check_channel(path, hints, channels.number)
    rate = stated_rate(str(path), channels.sample_rate, hints.sample_rate, blemishes) or channels.sample_rate
    channels = channels._replace(sample_rate=rate)
    iq = stereo.is_iq(channels, hints)
    weight = stereo.weights(channels, hints) if channels.number > 1 and not iq else np.ones(1, np.float32)

    def blocks(size: int) -> Iterator[np.ndarray]:
        for block in channels.blocks(size):
            yield stereo.one_stream(block, iq, weight)

    frequency = names.told(str(path)).frequency
    return Recording(str(path), rate, count, not iq, blocks, frequency, warnings=blemishes)


def _channel(samples: Samples, channel: int, size: int) -> Iterator[np.ndarray]:
    for block in samples.blocks(size):
        yield block[:, channel]


def _check_channel(path: Path, hints: Hints, channels: int) -> None:
    if hints.channel is not None and not 1 <= hints.channel <= channels:
        raise IqFileError("bad_channel", f"{path} has {channels} channels; there is no channel {hints.channel}")


def _some(path: Path, count: int) -> int:
    if not count:
        raise IqFileError("truncated", f"{path} has no samples")
    return count


def _middle(source: Source) -> bytes:
    """Bytes from the middle of a file, where a recorder has settled and somebody may be sending."""
    with source.open() as file:
        file.seek(max(0, source.size - SAMPLE) // 2 // 16 * 16)
        return file.read(SAMPLE)
