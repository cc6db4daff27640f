/** A network whose 28 layers each shift the means a little: without correction a third of its answers change. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { expect, it } from 'vitest';
import { Preprocess } from '@verge/contracts';
import { decodeImage, preprocessImage, type Image, type Samples } from '@verge/data';
import { decodeModel, encodeModel, float32, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fold } from '../fold/fold.js';
import { quantizeStatic } from './quantize.js';

const data = process.env['VERGE_DATA'] ?? '';
const file = join(data, 'mobilenetv1_0.25', 'mobilenet_v1_0.25_224_fp32.onnx');
const SIZE = 224;
const pipeline = Preprocess.parse({
  input: { kind: 'image' },
  steps: [
    { op: 'resize', size: [SIZE, SIZE], fit: 'stretch', filter: 'bilinear' },
    { op: 'scale', scale: 2 / 255, offset: -1 },
  ],
  output: { layout: 'CHW', shape: [3, SIZE, SIZE] },
});

/** Squares of two sizes on a grid of 3 x 3. */
function squares(image: Image): Image[] {
  return [0.5, 0.8].flatMap((part) => {
    const side = Math.floor(Math.min(image.height, image.width) * part);
    return [0, 0.5, 1].flatMap((down) =>
      [0, 0.5, 1].map((right): Image => {
        const [top, left] = [Math.floor((image.height - side) * down), Math.floor((image.width - side) * right)];
        const rows = new Uint8Array(side * side * 3);
        for (let y = 0; y < side; y++) {
          const from = ((top + y) * image.width + left) * 3;
          rows.set((image.data as Uint8Array).subarray(from, from + side * 3), y * side * 3);
        }
        return { height: side, width: side, channels: 3, data: rows };
      }),
    );
  });
}

function samplesOf(photos: readonly Image[]): Samples {
  const all = photos.flatMap(squares).map((image) => preprocessImage(pipeline, image));
  const x = new Float32Array(all.length * 3 * SIZE * SIZE);
  all.forEach((one, i) => x.set(one, i * one.length));
  return { x, shape: [3, SIZE, SIZE], y: new Int32Array(all.length).fill(-1), labels: [], name: 'photos' };
}

/** The class that a model names for each sample. */
async function classesOf(model: Model, { x, y }: Samples): Promise<number[]> {
  const session = await createSession(encodeModel(model));
  const size = 3 * SIZE * SIZE;
  const found: number[] = [];
  for (let i = 0; i < y.length; i++) {
    const image = float32([1, 3, SIZE, SIZE], (x as Float32Array).slice(i * size, (i + 1) * size));
    const scores = (await session.run({ [session.inputNames[0]!]: image }))[session.outputNames[0]!]!
      .data as Float32Array;
    found.push(scores.indexOf(Math.max(...scores)));
  }
  await session.release();
  return found;
}

it.skipIf(!existsSync(file) || !process.env['VERGE_TEST_FULL'])(
  'int8 names the class that float names, on photographs that calibrated nothing (skipped without VERGE_DATA and VERGE_TEST_FULL)',
  async () => {
    const names = readdirSync(join(data, 'photos')).filter((f) => ['.bmp', '.jpg'].includes(extname(f)));
    const photos = await Promise.all(names.sort().map((f) => decodeImage(readFileSync(join(data, 'photos', f)))));
    const [train, test] = [0, 1].map((first) => samplesOf(photos.filter((_, i) => i % 2 === first))) as [
      Samples,
      Samples,
    ];
    const { model } = await fold(decodeModel(readFileSync(file)), createSession);
    const target = { arch: 'x64' as const, int8Activation: 'uint8' as const, vnni: true };
    const options = { calibration: 'auto' as const, percentile: 99.99, samples: 64 };
    const context = { createSession, train, validation: train };
    const plain = await quantizeStatic(model, { ...options, biasCorrection: false }, target, context);
    const corrected = await quantizeStatic(model, options, target, context);
    const expected = await classesOf(model, test);
    const agreement = async (other: Model): Promise<number> => {
      const given = await classesOf(other, test);
      return given.filter((c, i) => c === expected[i]).length / expected.length;
    };
    const [before, after] = [await agreement(plain.model), await agreement(corrected.model)];
    expect(before).toBeLessThan(0.75);
    // Of 90; 0.8 leaves room for what a few samples do.
    expect(after).toBeGreaterThan(0.8);
  },
  120_000,
);
