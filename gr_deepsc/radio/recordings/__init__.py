"""Recordings of a radio's samples or of its audio, by any program; what kind of file it is its content says.

recording  what all of them are in the end: one stream of complex or real samples
anyfile    from a path to that, whoever wrote the file
names      what names of files say: of samples without a header, and of their frequency
guess      the format of samples without a header, by their bytes
riff       wav: I and Q, the audio band, KiwiSDR's pieces, the tuner's frequency in an `auxi` chunk
sound      all other formats that libsndfile reads
stereo     whether two channels are I and Q, and which channels to listen to otherwise
baseband   the modem's samples out of any recording: shifted and resampled
"""

from .anyfile import open_recording
from .baseband import Baseband
from .recording import Hints, Recording

__all__ = ["Baseband", "Hints", "Recording", "open_recording"]
