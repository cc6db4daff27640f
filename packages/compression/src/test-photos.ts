/** Crops of photographs for tests on published networks. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Preprocess } from '@verge/contracts';
import { decodeImage, type Image, preprocessImage, Random, type Samples } from '@verge/data';

const folder = join(process.env['VERGE_DATA'] ?? '', 'photos');
export const havePhotos = process.env['VERGE_DATA'] !== undefined && existsSync(folder);

function square(image: Image, random: Random): Image {
  const { height, width, channels } = image;
  const side = Math.floor(Math.min(height, width) * (0.4 + 0.6 * random.unit()));
  const [top, left] = [height, width].map((whole) => Math.floor((whole - side + 1) * random.unit())) as [
    number,
    number,
  ];
  const data = new Uint8Array(side * side * channels);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * width + left) * channels;
    data.set((image.data as Uint8Array).subarray(from, from + side * channels), y * side * channels);
  }
  return { height: side, width: side, channels, data };
}

/**
 * Unlabelled crops of every other photograph, so that two parts share none.
 * @param part 0 or 1
 */
export async function crops(part: 0 | 1, count: number, size: number, scale: number, offset = 0): Promise<Samples> {
  const files = readdirSync(folder).filter((f) => ['.bmp', '.jpg'].includes(extname(f)));
  const own = files.sort().filter((_, i) => i % 2 === part);
  const photos = await Promise.all(own.map((f) => decodeImage(readFileSync(join(folder, f)))));
  const pipeline = Preprocess.parse({
    input: { kind: 'image' },
    steps: [
      { op: 'resize', size: [size, size], fit: 'stretch', filter: 'bilinear' },
      { op: 'color', to: 'rgb' },
      { op: 'scale', scale, offset },
    ],
    output: { layout: 'CHW', shape: [3, size, size] },
  });
  const random = new Random(11 + part);
  const one = 3 * size * size;
  const x = new Float32Array(one * count);
  for (let i = 0; i < count; i++)
    x.set(preprocessImage(pipeline, square(photos[i % photos.length] as Image, random)) as Float32Array, i * one);
  return { x, shape: [3, size, size], y: new Int32Array(count).fill(-1), labels: [], name: `photos-${part}` };
}
