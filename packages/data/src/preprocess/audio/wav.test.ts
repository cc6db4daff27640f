import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../errors.js';
import { bytes, doubles, furthest, golden } from './test-golden.js';
import { wav } from './test-wav.js';
import { decodeWav } from './wav.js';

describe('recordings', () => {
  it.each(golden.wav)('decodes $name as libsndfile does', ({ file, rate, channels, expected }) => {
    const found = decodeWav(bytes(file));
    expect(found).toMatchObject({ rate, channels });
    // The mean of the channels, rounded to float32.
    expect(furthest(found.samples, doubles(expected))).toBeLessThan(6e-8);
  });

  it('passes over other chunks, also of odd length', () => {
    const file = wav([0.5, -0.25]);
    const odd = Buffer.concat([Buffer.from('LIST\x03\0\0\0abc\0', 'latin1')]);
    const found = decodeWav(Buffer.concat([file.subarray(0, 36), odd, file.subarray(36), odd]));
    expect(furthest(found.samples, [0.5, -0.25])).toBeLessThan(1e-4);
  });

  it('names what is wrong with a file', () => {
    const file = Buffer.from(wav([0.1, 0.2, 0.3, 0.4]));
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(file);
      copy.writeUInt16LE(value, at);
      return copy;
    };
    const cases: [Uint8Array, string][] = [
      [file.subarray(0, 49), 'cut off: 5 of 8 bytes'],
      [file.subarray(0, 40), 'no data'],
      [file.subarray(0, 20), 'format chunk is cut off'],
      [file.subarray(0, 12), 'no format'],
      [changed(20, 2), 'format 2 with 16 bits'],
      [changed(34, 12), 'format 1 with 12 bits'],
      [changed(22, 0), 'no channel'],
      [changed(24, 0), 'rate is 0'],
      [changed(32, 3), 'blocks of 3 bytes'],
      [Buffer.from('no recording at all'), 'no RIFF/WAVE'],
      [Buffer.concat([file.subarray(0, 12), file.subarray(36)]), 'before their format'],
    ];
    for (const [bad, message] of cases) {
      expect(() => decodeWav(bad), message).toThrow(
        expect.objectContaining({ code: 'malformed', message: expect.stringContaining(message) }),
      );
    }
    const float = bytes(golden.wav.find(({ name }) => name === 'WAV FLOAT 1')!.file);
    new DataView(float.buffer).setFloat32(float.length - 4, NaN, true);
    expect(() => decodeWav(float)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('meets any bytes, and any damage to a file, with samples or a DataError', () => {
    const attempt = (file: Uint8Array): void => {
      try {
        // One sample for each byte at the very most: what is allocated is bounded by what was given.
        expect(decodeWav(file).samples.length).toBeLessThanOrEqual(file.length);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 300 });
    const files = golden.wav.map(({ file }) => bytes(file));
    const damage = fc.record({
      which: fc.nat(files.length - 1),
      cut: fc.nat(200),
      edits: fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(damage, ({ which, cut, edits }) => {
        const file = files[which]!.slice();
        for (const [at, value] of edits) file[at] = value;
        attempt(file.subarray(0, Math.max(0, file.length - cut)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what streams and other tools write', () => {
  it('reads an unfinished header to the end of the file, and refuses data that are cut off', () => {
    const whole = wav([0.5, -0.25, 0.125]);
    const unfinished = Buffer.from(whole);
    unfinished.writeUInt32LE(0xffffffff, 4);
    unfinished.writeUInt32LE(0xffffffff, 40);
    expect(decodeWav(unfinished)).toEqual(decodeWav(whole));
    const cut = Buffer.from(whole);
    cut.writeUInt32LE(8, 40);
    expect(() => decodeWav(cut)).toThrow('its data are cut off: 6 of 8 bytes');
  });

  it.each([
    ['FLAC', 'fLaC\0\0\0\x22'],
    ['Ogg', 'OggS\0\0'],
    ['MP3', 'ID3\x04'],
    ['AIFF', 'FORM\0\0\0\0AIFF'],
  ])('names %s, which is not read', (name, head) => {
    expect(() => decodeWav(Buffer.from(head, 'latin1'))).toThrow(`it is ${name}; only WAV is read`);
  });
});
