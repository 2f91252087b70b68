"""Everything of gr-deepsc that needs torch: training, ONNX export, evaluation of the exported models."""

import argparse
from importlib import import_module

# Command, what it does, and the module that has its `add_options` and its `run`, or a table of further commands.
COMMANDS = {
    "train": ("train a network; a run found in its folder is resumed", {
        "recogniser": ("a semantic encoder, by CTC on transcribed speech", "recogniser.train"),
        "head": ("the head of the pretrained one, on cached states: several times as fast", "recogniser.head"),
        "distil": ("a small recogniser, which learns from a large one", "recogniser.distil"),
        "codec": ("the channel codec of a recogniser", "codec.train"),
        "contextual": ("the channel codec with context", "contextual.train"),
        "language": ("the language model of the beam decoder", "language.train"),
        "reader": ("the reader: Whisper's encoder and text decoder", "reader.train"),
        "deepsc-text": ("the text transformer of SR+DeepSC", "deepsc_text.train"),
        "acoustic": ("a voice's text -> mel, the parallel model", "voice.acoustic.train"),
        "tacotron": ("a voice's text -> mel, Tacotron 2", "voice.tacotron.train"),
        "vocoder": ("a voice's mel -> waveform, the fast one", "voice.vocoder.train"),
        "wavenet": ("a voice's mel -> waveform, WaveNet", "voice.wavenet.train"),
    }),
    "export": ("write a trained network as .onnx files that compute the same", {
        "pair": ("recogniser and codec: transmitter.onnx and receiver.onnx", "codec.export"),
        "contextual": ("the codec with context", "contextual.export"),
        "language": ("the language model", "language.export"),
        "reader": ("the reader: encoder.onnx and a step of the decoder", "reader.export"),
        "deepsc-text": ("the text transformer of SR+DeepSC", "deepsc_text.export"),
        "acoustic": ("a voice's parallel model", "voice.acoustic.export"),
        "tacotron": ("a voice's Tacotron 2", "voice.tacotron.export"),
        "vocoder": ("the fast vocoder", "voice.vocoder.export"),
        "wavenet": ("WaveNet", "voice.wavenet.export"),
    }),
    "reader": ("measure the reader, mix its weights", {
        "windows": ("error rates against the window that it hears", "reader.measure"),
        "mix": ("the fine-tuned weights averaged with the original's", "reader.mix"),
    }),
    "voice": ("judge voices", {
        "pronunciations": ("what each letter of CMUdict's words stands for, to a file", "voice.acoustic.letters"),
        "speak": ("sentences of a corpus to files, by one vocoder or several", "voice.judging.speak"),
        "judge": ("how well speech is understood, by an independent recogniser", "voice.judging.judge"),
        "tell-apart": ("whether the voices are told apart", "voice.judging.tell_apart"),
        "page": ("a page to listen: recordings, copies and voices, with spectrograms", "voice.judging.page"),
        "pictures": ("draw what the voices do, for docs/", "voice.judging.pictures"),
    }),
    "paper": ("train as the paper does, for `deepsc bench`", {
        "codec": ("its channel codec, for the default recogniser", "paper.codec"),
        "features": ("P of a semantic encoder, from which `fixed-channel` learns", "paper.features"),
        "fixed-channel": ("its channel codec at one point of one channel, tested at many", "paper.fixed_channel"),
        "figure4": ("a semantic encoder at one constant learning rate", "paper.figure4"),
    }),
    "evaluate": ("error rates of an exported model over channels and Es/N0", "evaluate"),
    "calibrate": ("fit the beam's weights and the words' confidence", "calibrate"),
    "sureness": ("fit how sure the sender is of a word that its reader wrote", "sureness"),
    "synthesise": ("make a corpus of synthetic speech from texts", "data.synthesise"),
    "curves": ("draw the error rate of training runs against time", "training.curves"),
    "info": ("count a configuration's trainable parameters", "codec.system"),
}  # fmt: skip


class Command(argparse.ArgumentParser):
    """A parser that gets its commands or its options when it is used: nobody waits for torch before."""

    does: dict | str = ""  # the table of its commands, or its module

    def parse_known_args(self, args=None, namespace=None):
        """As `ArgumentParser` does."""
        does, self.does = self.does, ""
        if isinstance(does, dict):
            commands = self.add_subparsers(required=True, metavar="COMMAND", parser_class=Command)
            for name, (text, below) in does.items():
                style = argparse.RawDescriptionHelpFormatter
                commands.add_parser(name, help=text, description=text, formatter_class=style).does = below
        elif does:
            module = import_module(f".{does}", __package__)
            self.description = module.__doc__
            module.add_options(self)
            self.set_defaults(function=module.run)
        return super().parse_known_args(args, namespace)


def main(argv: list[str] | None = None) -> None:
    """Runs a command; what it refuses is one line."""
    parser = Command(prog="python -m deepsc_export", description=__doc__)
    parser.does = COMMANDS
    args = parser.parse_args(argv)
    from .data.corpora import CorpusError
    from .onnx_files.trace import ParityError

    try:
        args.function(args)
    except (CorpusError, ParityError, OSError, ValueError) as error:
        raise SystemExit(f"deepsc_export: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
