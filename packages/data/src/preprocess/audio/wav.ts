/**
 * RIFF/WAVE files: PCM of 8, 16, 24 and 32 bits, floats of 32 and 64, plain or as WAVE_FORMAT_EXTENSIBLE
 * (Multimedia Programming Interface and Data Specifications 1.0, chapter 3; Microsoft's "Multiple channel audio data").
 */
import { DataError } from '../../errors.js';

/** A recording in [-1, 1]. */
export interface Recording {
  /** Samples a second. */
  readonly rate: number;
  /** Channels in the file, of which `samples` is the mean. */
  readonly channels: number;
  readonly samples: Float32Array;
}

interface Format {
  readonly kind: 'integer' | 'float';
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

const fail = (why: string): never => {
  throw new DataError('malformed', `recording: ${why}`);
};

const tagAt = (bytes: Uint8Array, at: number): string => Buffer.from(bytes.subarray(at, at + 4)).toString('latin1');

/** All sub-formats that stand for a plain format tag end with this (KSDATAFORMAT_SUBTYPE_…). */
const subFormatTail = '0000001000800000aa00389b71';

function readFormat(bytes: Uint8Array): Format {
  if (bytes.length < 16) fail('its format chunk is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let tag = view.getUint16(0, true);
  const [channels, rate, block, bits] = [
    view.getUint16(2, true),
    view.getUint32(4, true),
    view.getUint16(12, true),
    view.getUint16(14, true),
  ];
  if (tag === 0xfffe) {
    if (bytes.length < 40) fail('its extensible format chunk is cut off');
    if (Buffer.from(bytes.subarray(27, 40)).toString('hex') !== subFormatTail) fail('its sub-format is not known');
    tag = view.getUint16(24, true);
  }
  const known = tag === 1 ? [8, 16, 24, 32] : tag === 3 ? [32, 64] : [];
  if (!known.includes(bits))
    fail(`format ${tag} with ${bits} bits; PCM of 8, 16, 24 and 32 and floats of 32 and 64 bits are read`);
  if (channels < 1) fail('it has no channel');
  if (rate < 1) fail('its rate is 0');
  if (block !== (channels * bits) / 8) fail(`${channels} channels of ${bits} bits in blocks of ${block} bytes`);
  return { kind: tag === 1 ? 'integer' : 'float', channels, rate, bits };
}

type Getter = (view: DataView, at: number) => number;

const getters: Readonly<Record<string, Getter>> = {
  integer8: (v, at) => (v.getUint8(at) - 128) / 2 ** 7,
  integer16: (v, at) => v.getInt16(at, true) / 2 ** 15,
  integer24: (v, at) => (v.getUint16(at, true) + v.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  integer32: (v, at) => v.getInt32(at, true) / 2 ** 31,
  float32: (v, at) => v.getFloat32(at, true),
  float64: (v, at) => v.getFloat64(at, true),
};

function mix(bytes: Uint8Array, { kind, channels, bits }: Format): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const get = getters[`${kind}${bits}`] as Getter;
  const width = bits / 8;
  const samples = new Float32Array(Math.floor(bytes.length / (channels * width)));
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += get(view, (i * channels + c) * width);
    if (!Number.isFinite(sum)) fail(`sample ${i} is no number`);
    samples[i] = sum / channels;
  }
  return samples;
}

export const isWav = (bytes: Uint8Array): boolean => tagAt(bytes, 0) === 'RIFF' && tagAt(bytes, 8) === 'WAVE';

/** What other recordings begin with. */
const others: readonly (readonly [name: string, begins: RegExp])[] = [
  ['FLAC', /^fLaC/],
  ['Ogg', /^OggS/],
  ['MP3', /^(ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb])/],
  ['AIFF', /^FORM/],
  ['RF64', /^RF64/],
  ['Wave64', /^riff/],
  ['AU', /^\.snd/],
  ['MPEG-4', /^....ftyp/s],
];

function foundInstead(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  const found = others.find(([, begins]) => begins.test(head));
  return found ? `it is ${found[0]}; only WAV is read, so it must be converted` : 'it is no RIFF/WAVE file';
}

/**
 * A stream's writer does not know the length when it writes the header, and leaves the largest number: the data then end
 * where the file does.
 */
const UNFINISHED = 0xffffffff;

/**
 * Decodes a recording; several channels become their mean.
 * @throws DataError `malformed` for other formats and for files that are cut off or break their format
 */
export function decodeWav(bytes: Uint8Array): Recording {
  if (!isWav(bytes)) fail(foundInstead(bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Format | null = null;
  // Chunks are padded to even lengths; those that are not known are passed over.
  for (let at = 12; at + 8 <= bytes.length;) {
    const [tag, length] = [tagAt(bytes, at), view.getUint32(at + 4, true)];
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (tag === 'fmt ') format = readFormat(body);
    if (tag === 'data') {
      if (body.length < length && length !== UNFINISHED)
        fail(`its data are cut off: ${body.length} of ${length} bytes`);
      if (!format) return fail('its data come before their format');
      return { rate: format.rate, channels: format.channels, samples: mix(body, format) };
    }
    at += 8 + length + (length % 2);
  }
  return fail(format ? 'it has no data' : 'it has no format');
}
