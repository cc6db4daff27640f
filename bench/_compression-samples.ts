/** What the networks of the compression benchmark are calibrated and judged on: nothing that calibrates is judged, not even another part of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Preprocess } from '@verge/contracts';
import { decodeImage, decodeWav, preprocessImage, preprocessRecording, type Image, type Samples } from '@verge/data';
import { Random } from '@verge/training';

export interface Parts {
  readonly calibration: Samples;
  readonly test: Samples;
}

/** Samples without labels. */
export function samplesOf(name: string, shape: readonly number[], values: readonly Float32Array[]): Samples {
  const size = shape.reduce((a, b) => a * b, 1);
  const x = new Float32Array(size * values.length);
  values.forEach((one, i) => x.set(one, i * size));
  return { x, shape, y: new Int32Array(values.length).fill(-1), labels: [], name };
}

/** A square of the image, from `least` of its shorter side to all of it. */
function randomSquare(image: Image, least: number, random: Random): Image {
  const { height, width, channels } = image;
  const side = Math.floor(Math.min(height, width) * (least + (1 - least) * random.uniform()));
  const [top, left] = [height, width].map((whole) => Math.floor((whole - side + 1) * random.uniform())) as [
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

/** Crops of photographs as a network reads them; every other photograph calibrates, the others are judged. */
export async function crops(
  folder: string,
  size: number,
  { scale, offset }: { scale: number; offset: number },
  counts: { calibration: number; test: number },
): Promise<Parts> {
  const files = readdirSync(folder).filter((f) => ['.bmp', '.jpg'].includes(extname(f)));
  const photos = await Promise.all(files.sort().map((f) => decodeImage(readFileSync(join(folder, f)))));
  const pipeline = Preprocess.parse({
    input: { kind: 'image' },
    steps: [
      { op: 'resize', size: [size, size], fit: 'stretch', filter: 'bilinear' },
      { op: 'color', to: 'rgb' },
      { op: 'scale', scale, offset },
    ],
    output: { layout: 'CHW', shape: [3, size, size] },
  });
  const some = (part: keyof Parts, first: 0 | 1): Samples => {
    const random = new Random(11, part);
    const own = photos.filter((_, i) => i % 2 === first);
    const values = Array.from({ length: counts[part] }, (_, i) => {
      const photo = own[i % own.length] as Image;
      return preprocessImage(pipeline, randomSquare(photo, 0.4, random)) as Float32Array;
    });
    return samplesOf(`photos-${part}`, [3, size, size], values);
  };
  return { calibration: some('calibration', 0), test: some('test', 1) };
}

/** Spoken digits through a pipeline: one speaker calibrates with some recordings, other speakers are judged. */
export function spoken(
  archive: string,
  steps: readonly unknown[],
  output: { layout: string; shape: readonly number[] },
  shape: readonly number[],
  count: number,
): Parts {
  const folder = mkdtempSync(join(tmpdir(), 'verge-spoken-'));
  try {
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.wav'))
      .sort();
    const speakers = [...new Set(names.map((f) => f.split('_')[1]))];
    const pipeline = Preprocess.parse({ input: { kind: 'audio' }, steps, output });
    const some = (part: keyof Parts, first: 0 | 1): Samples => {
      const own = names.filter((f) => speakers.indexOf(f.split('_')[1]) % 2 === first);
      const values = Array.from({ length: count }, (_, i) => {
        const name = own[Math.floor((i * own.length) / count)] as string;
        return preprocessRecording(pipeline, decodeWav(readFileSync(join(folder, name)))) as Float32Array;
      });
      return samplesOf(`spoken-${part}`, shape, values);
    };
    return { calibration: some('calibration', 0), test: some('test', 1) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Normal numbers, for networks of random weights. */
export function noise(shape: readonly number[], count: number): Parts {
  const some = (part: keyof Parts): Samples => {
    const random = new Random(13, part);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()));
    return samplesOf(`noise-${part}`, shape, values);
  };
  return { calibration: some('calibration'), test: some('test') };
}
