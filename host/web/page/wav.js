// What a browser can decode and libsndfile perhaps cannot, as 16-bit wav.

const RATE = 16000;

// Raises a DOMException where the browser cannot decode it either.
export async function asWav(blob) {
  const context = new OfflineAudioContext(1, 1, RATE); // decodes to its own rate
  const audio = await context.decodeAudioData(await blob.arrayBuffer());
  const mono = new Float32Array(audio.length);
  for (let c = 0; c < audio.numberOfChannels; c++)
    audio.getChannelData(c).forEach((x, n) => (mono[n] += x / audio.numberOfChannels));
  return encode(mono);
}

function encode(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (place, text) => [...text].forEach((c, k) => view.setUint8(place + k, c.charCodeAt(0)));
  word(0, "RIFF"), view.setUint32(4, 36 + 2 * samples.length, true), word(8, "WAVEfmt ");
  view.setUint32(16, 16, true), view.setUint16(20, 1, true), view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true), view.setUint32(28, 2 * RATE, true), view.setUint16(32, 2, true);
  view.setUint16(34, 16, true), word(36, "data"), view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, n) => view.setInt16(44 + 2 * n, Math.round(32767 * Math.max(-1, Math.min(1, x))), true));
  return new Blob([view], { type: "audio/wav" });
}
