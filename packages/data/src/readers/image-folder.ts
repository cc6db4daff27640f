/** Images in class folders. */
import { DataError } from '../errors.js';
import { decodeImage } from '../preprocess/decode.js';
import { preprocessImage } from '../preprocess/pipeline.js';
import { openEncoded, type Decoded } from '../stream/encoded.js';
import type { RawSource } from '../stream/raw-source.js';
import { classFolders, type Entry } from './class-folders.js';
import type { OpenOptions } from './options.js';

const isImage = (name: string): boolean => /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name);

/** Every image of the folder with its class and part, in name order. */
export const listImages = (root: string): Promise<Entry[]> => classFolders(root, isImage);

/**
 * Decodes and preprocesses images as they are asked for. Without a pipeline the samples are [height, width, 3] uint8 as
 * decoded, and an image of another size than the first is unreadable.
 */
export async function openImageFolder(root: string, options: OpenOptions): Promise<RawSource> {
  const entries = await listImages(root);
  if (entries.length === 0) throw new DataError('missing-part', `'${root}' has no images in class folders`);
  const { preprocess } = options;
  const decode = async (bytes: Uint8Array): Promise<Decoded> => {
    const image = await decodeImage(bytes);
    if (preprocess) return { x: preprocessImage(preprocess, image), shape: preprocess.output.shape };
    return { x: image.data, shape: [image.height, image.width, 3] };
  };
  return openEncoded({ root, entries, decode }, options);
}
