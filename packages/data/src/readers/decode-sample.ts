import type { Preprocess } from '@verge/contracts';
import { decodeWav } from '../preprocess/audio/wav.js';
import { decodeImage } from '../preprocess/decode.js';
import { preprocessEncoded } from '../preprocess/pipeline.js';
import type { Decoded } from '../stream/encoded.js';

/**
 * An image or a recording as a sample: through the pipeline, or without one as it is, [height, width, 3] uint8 or
 * [frames, 1] float32.
 * @param what the sample is, where there is no pipeline to say it
 * @throws DataError `malformed`, `shape-mismatch`
 */
export async function decodeSample(
  bytes: Uint8Array,
  preprocess: Preprocess | undefined,
  what: 'image' | 'recording',
): Promise<Decoded> {
  if (preprocess) return { x: await preprocessEncoded(preprocess, bytes), shape: preprocess.output.shape };
  if (what === 'recording') {
    const { samples } = decodeWav(bytes);
    return { x: samples, shape: [samples.length, 1] };
  }
  const { data, height, width } = await decodeImage(bytes);
  return { x: data, shape: [height, width, 3] };
}
