// Records the microphone, and shows its level meanwhile.

export class Microphone {
  // level(dBFS, seconds) is called some 20 times a second.
  constructor(level) {
    this.level = level;
  }

  get recording() {
    return this.recorder?.state === "recording";
  }

  // Resolves when it records; raises an Error whose message says what to do.
  async start() {
    if (!navigator.mediaDevices)
      throw new Error("Browsers give the microphone to https or to this machine's own pages (127.0.0.1) only. Record a file instead.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false },
      });
    } catch (error) {
      throw new Error(
        error.name === "NotAllowedError"
          ? "The microphone was not allowed: allow it in the address bar, and record again."
          : `There is no microphone to record with (${error.name}).`,
      );
    }
    this.pieces = [];
    this.recorder = new MediaRecorder(this.stream);
    this.recorder.ondataavailable = (event) => this.pieces.push(event.data);
    this.recorder.start(1000);
    this.watch();
  }

  // Resolves to what was recorded, in the browser's own format.
  async stop() {
    clearInterval(this.timer);
    const ended = new Promise((resolve) => (this.recorder.onstop = resolve));
    this.recorder.stop();
    await ended;
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    return new Blob(this.pieces, { type: this.recorder.mimeType });
  }

  watch() {
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    this.context.createMediaStreamSource(this.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize), begin = performance.now();
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      this.level(20 * Math.log10(peak), (performance.now() - begin) / 1000);
    }, 50);
  }
}
