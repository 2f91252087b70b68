"""GNU Radio blocks, one a file: thin, buffering and messages around phy/ and the models."""

from .audio_file_source import AudioFileSource
from .audio_link import AudioLink
from .block_fading_channel import BlockFadingChannel
from .burst_framer import BurstFramer
from .burst_receiver import BurstReceiver
from .burst_source import BurstSource
from .drop_counter import DropCounter
from .identifier import Identifier
from .iq_file_sink import IqFileSink
from .iq_file_source import IqFileSource
from .push_to_talk import PushToTalk
from .radio_path import RadioPath
from .receiver import DeepscReceiver
from .result_link import ResultLink
from .semantic_decoder import SemanticDecoder
from .semantic_encoder import SemanticEncoder
from .spectrum_link import SpectrumLink
from .speech_player import SpeechPlayer
from .speech_segmenter import SpeechSegmenter
from .speech_source import SpeechSource
from .speech_synthesizer import SpeechSynthesizer
from .transmitter import DeepscTransmitter

__all__ = [
    "AudioFileSource", "AudioLink", "BlockFadingChannel", "BurstFramer", "BurstReceiver", "BurstSource",
    "DeepscReceiver", "DeepscTransmitter", "DropCounter", "Identifier", "IqFileSink", "IqFileSource", "PushToTalk",
    "RadioPath", "ResultLink", "SemanticDecoder", "SemanticEncoder", "SpectrumLink", "SpeechPlayer", "SpeechSegmenter",
    "SpeechSource", "SpeechSynthesizer",
]  # fmt: skip
