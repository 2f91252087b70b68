"""The networks' dimensions: dataclasses, and the named configurations built from them."""

from dataclasses import dataclass, field

MAX_SECONDS = 30  # what a recogniser is run on at once; Whisper's positions end there


@dataclass(frozen=True)
class ConvDims:
    """One CNN module: convolution without bias over (time, frequency), ReLU6, BatchNorm."""

    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int]

    @property
    def padding(self) -> tuple[int, int]:
        """Half a kernel on each side: the stride alone shortens what is convolved."""
        return self.kernel[0] // 2, self.kernel[1] // 2


@dataclass(frozen=True)
class DeepSpeechDims:
    """The paper's semantic encoder: CNN modules, then BiGRU modules with BatchNorm, then a dense layer."""

    conv: tuple[ConvDims, ...]
    gru_layers: int
    gru_units: int  # a direction
    bins: int = 161


@dataclass(frozen=True)
class WhisperDims:
    """A Whisper encoder (the defaults are tiny.en) under a BiGRU head."""

    mels: int = 80
    width: int = 384
    heads: int = 6
    layers: int = 4
    positions: int = 1500  # at 50 a second: 30 s
    head_layers: int = 2
    head_units: int = 256  # a direction


@dataclass(frozen=True)
class CodecDims:
    """The channel encoder (units, 2 * symbols) and decoder (units, units, 29).

    Two things go past the paper's decoder, which sees one frame's equalised symbols and nothing else.
    """

    units: int = 40
    reliability: bool = False  # each symbol's post-channel reliability is an input too
    context: int = 0  # units a direction of BiGRUs over the frames, in front of the last dense layer; 0 = none


@dataclass(frozen=True)
class Config:
    """A recogniser and its codec under one name."""

    name: str
    encoder: DeepSpeechDims | WhisperDims
    codec: CodecDims = field(default_factory=CodecDims)


PAPER = Config(
    "paper",
    DeepSpeechDims(conv=(ConvDims(32, (41, 11), (2, 2)), ConvDims(32, (21, 11), (2, 1))), gru_layers=7, gru_units=800),
)

# The paper's architecture at a size that two CPU cores train in an hour.
COMPACT = Config(
    "compact",
    DeepSpeechDims(conv=(ConvDims(24, (11, 11), (2, 2)), ConvDims(24, (11, 11), (2, 2))), gru_layers=3, gru_units=320),
    CodecDims(units=96, reliability=True, context=128),
)

PRETRAINED = Config("pretrained", WhisperDims(), CodecDims(units=96, reliability=True, context=128))

CONFIGS = {config.name: config for config in (PAPER, COMPACT, PRETRAINED)}
SHIPPED = {"pretrained": "default", "compact": "compact"}  # configuration -> folder under gr_deepsc/models
