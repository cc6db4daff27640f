/** A WAV file of 16-bit PCM, one channel, from samples in [-1, 1]; for tests. */
export function wav(samples: ArrayLike<number>, rate = 8000): Uint8Array {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * samples.length, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  for (const [i, v] of [1, 1].entries()) file.writeUInt16LE(v, 20 + 2 * i);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(2 * samples.length, 40);
  for (let i = 0; i < samples.length; i++) file.writeInt16LE(Math.round(samples[i]! * 32767), 44 + 2 * i);
  return file;
}
