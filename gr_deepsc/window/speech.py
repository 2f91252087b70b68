"""What is to be sent: a shipped sample, a file, or what the microphone hears."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ..speech import audio, recording
from . import Panel, QtWidgets

FILES = "Recordings (*.wav *.flac *.ogg *.opus *.mp3 *.aiff *.aif);;All files (*)"
QUIET_DB = -60.0  # of full scale, where the level's bar begins


class SpeechPanel(Panel):
    """Buttons; calls `send(samples, sample_rate, user_id)` with each utterance, float32 [n]."""

    def __init__(self, send: Callable[[np.ndarray, int, int], None]) -> None:
        super().__init__()
        self._send = send
        self._stream: Any = None  # of the microphone, while it records
        self._heard: list[np.ndarray] = []
        self.samples, self.user = QtWidgets.QComboBox(), QtWidgets.QSpinBox()
        for path, text in _shipped():
            self.samples.addItem(f"{path.stem}: {text}", str(path))
        self.samples.setMinimumContentsLength(24)
        self.samples.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self.user.setRange(0, 65535)
        self.user.setToolTip("user ID: in whose voice it is spoken at the other end")
        self.send_button, self.file_button, self.record_button = map(
            QtWidgets.QPushButton, ("&Send sample", "Send a &file ...", "&Record")
        )
        self.send_button.clicked.connect(lambda: self.send_file(self.samples.currentData()))
        self.send_button.setEnabled(self.samples.count() > 0)
        self.file_button.clicked.connect(self._choose)
        self.record_button.clicked.connect(self._record)
        self.level, self.said = QtWidgets.QProgressBar(), QtWidgets.QLabel("Choose a sample, or speak.")
        self.level.setRange(round(QUIET_DB), 0)
        self.level.setValue(round(QUIET_DB))
        self.level.setTextVisible(False)
        self.level.setFixedWidth(90)
        self.said.setMinimumWidth(200)
        first, second = QtWidgets.QHBoxLayout(), QtWidgets.QHBoxLayout()
        first.addWidget(self.samples, 1)
        for widget in (self.send_button, self.file_button):
            first.addWidget(widget)
        for widget in (self.record_button, self.level, QtWidgets.QLabel("User"), self.user):
            second.addWidget(widget)
        second.addWidget(self.said, 1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(first)
        layout.addLayout(second)

    def send_file(self, path: str) -> None:
        """Send a recording of any length that `recording.read` takes, cut at its pauses."""
        try:
            utterances, rate = recording.read(path)
            for samples in utterances:
                self._send(samples, rate, self.user.value())
        except audio.AudioError as error:
            self.said.setText(str(error))
            return
        seconds = sum(map(len, utterances)) / rate
        self.said.setText(f"Sent {Path(path).name}, {seconds:.1f} s.")

    def look(self) -> None:
        """The microphone's level; and the end of what may be said in one go."""
        if self._stream is None:
            return
        seconds = sum(map(len, self._heard)) / self._stream.samplerate
        newest = self._heard[-1] if self._heard else np.zeros(1, np.float32)
        self.level.setValue(round(max(QUIET_DB, audio.peak_dbfs(newest))))
        self.said.setText(f"Recording: {seconds:.1f} s")
        if seconds >= audio.LONGEST_S:
            self._record()

    def _choose(self) -> None:
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, "Send a recording of speech", "", FILES)
        if path:
            self.send_file(path)

    def _record(self) -> None:
        """Begin, or end and send."""
        try:
            import sounddevice  # where there is no PortAudio everything else works

            if self._stream is None:
                self._heard = []
                rate = round(sounddevice.query_devices(None, "input")["default_samplerate"])
                self._stream = sounddevice.InputStream(
                    rate, channels=1, dtype="float32", callback=lambda new, *_: self._heard.append(new[:, 0].copy())
                )
                self._stream.start()
                self.record_button.setText("Stop and &send")
                return
            stream, self._stream = self._stream, None
            stream.close()
        except Exception as error:  # a slot that raises would end the program
            self._stream = None
            self.said.setText(f"No microphone ({error}): plug one in; `deepsc doctor` lists them.")
            return
        self.record_button.setText("&Record")
        self.level.setValue(round(QUIET_DB))
        samples = np.concatenate([*self._heard, np.zeros(0, np.float32)])
        self._send(samples, round(stream.samplerate), self.user.value())
        self.said.setText(f"Sent {len(samples) / stream.samplerate:.1f} s of the microphone.")


def _shipped() -> list[tuple[Path, str]]:
    """Samples and what is said in them; none where they are not installed."""
    try:
        folder = Path(str(resources.files("deepsc_samples")))
    except ModuleNotFoundError:
        return []
    rows = (folder / "transcripts.csv").read_text(encoding="utf-8").splitlines()
    texts = dict(row.split("|", 1) for row in rows if "|" in row)
    return [(path, texts.get(path.stem, "")) for path in sorted(folder.glob("*.flac"))]
