/** Images, each in a file, in class folders or with names that say what they are. */
import { openEncoded, type Decoded } from '../stream/encoded.js';
import type { RawSource } from '../stream/raw-source.js';
import { listFiles } from './class-folders.js';
import { decodeSample } from './decode-sample.js';
import type { OpenOptions } from './options.js';

export const isImageName = (name: string): boolean => /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name);

/**
 * Decodes and preprocesses images as they are asked for. Without a pipeline the samples are [height, width, 3] uint8 as
 * decoded, and an image of another size than the first is unreadable.
 */
export async function openImageFolder(root: string, options: OpenOptions): Promise<RawSource> {
  const { preprocess, names } = options;
  const decode = (bytes: Uint8Array): Promise<Decoded> => decodeSample(bytes, preprocess, 'image');
  return openEncoded({ root, ...(await listFiles(root, isImageName, names)), decode, what: 'images' }, options);
}
