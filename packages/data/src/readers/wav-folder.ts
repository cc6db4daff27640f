/** Recordings (WAV), each in a file, in class folders or with names that say what they are. */
import { openEncoded, type Decoded } from '../stream/encoded.js';
import type { RawSource } from '../stream/raw-source.js';
import { listFiles } from './class-folders.js';
import { decodeSample } from './decode-sample.js';
import type { OpenOptions } from './options.js';

export const isWavName = (name: string): boolean => /\.wav$/i.test(name);

/**
 * Decodes and preprocesses recordings as they are asked for. Without a pipeline the samples are [frames, 1] float32 in
 * [-1, 1], channels averaged, and a recording of another length than the first is unreadable.
 */
export async function openWavFolder(root: string, options: OpenOptions): Promise<RawSource> {
  const { preprocess, names } = options;
  const decode = (bytes: Uint8Array): Promise<Decoded> => decodeSample(bytes, preprocess, 'recording');
  return openEncoded({ root, ...(await listFiles(root, isWavName, names)), decode, what: 'recordings' }, options);
}
