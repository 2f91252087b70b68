"""GNU Radio blocks, one a file: thin, buffering and messages around phy/ and the models."""

from .audio_link import AudioLink
from .block_fading_channel import BlockFadingChannel
from .result_link import ResultLink
from .semantic_decoder import SemanticDecoder
from .semantic_encoder import SemanticEncoder
from .speech_segmenter import SpeechSegmenter

__all__ = [
    "AudioLink",
    "BlockFadingChannel",
    "ResultLink",
    "SemanticDecoder",
    "SemanticEncoder",
    "SpeechSegmenter",
]
