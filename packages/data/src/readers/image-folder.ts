/** Images, each in a file, in class folders or with names that say what they are. */
import { decodeImage } from '../preprocess/decode.js';
import { preprocessImage } from '../preprocess/pipeline.js';
import { openEncoded, type Decoded } from '../stream/encoded.js';
import type { RawSource } from '../stream/raw-source.js';
import { listFiles } from './class-folders.js';
import type { OpenOptions } from './options.js';

export const isImageName = (name: string): boolean => /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name);

/**
 * Decodes and preprocesses images as they are asked for. Without a pipeline the samples are [height, width, 3] uint8 as
 * decoded, and an image of another size than the first is unreadable.
 */
export async function openImageFolder(root: string, options: OpenOptions): Promise<RawSource> {
  const { preprocess, names } = options;
  const decode = async (bytes: Uint8Array): Promise<Decoded> => {
    const image = await decodeImage(bytes);
    if (preprocess) return { x: preprocessImage(preprocess, image), shape: preprocess.output.shape };
    return { x: image.data, shape: [image.height, image.width, 3] };
  };
  return openEncoded({ root, ...(await listFiles(root, isImageName, names)), decode, what: 'images' }, options);
}
