/** What code blocks take as given: models, data, settings. Each block runs in a fresh folder with `datasets` in it. */
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { loadDigits, splitSamples, type Part, type Samples } from '@verge/data';
import { decodeModel, encodeModel, float32, GraphBuilder, ints, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import type { MetadataFiles } from '@verge/trust/publish';

const digitsFolder = fileURLToPath(new URL('../../datasets/digits/', import.meta.url));

const ends: (() => Promise<void> | void)[] = [];

/** Has something done once the block is over. */
export const atEnd = (end: () => Promise<void> | void): unknown => ends.push(end);

/** Undoes what was given, the latest first. */
export async function takeBack(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

/** Sets environment variables; undefined unsets. */
export function environment(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    atEnd(() => set(name, before));
    set(name, value);
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

/** The digits, all 1,797. */
export async function digits(): Promise<Record<Part, Samples>> {
  return splitSamples(await loadDigits(digitsFolder));
}

/** Leaves only the first rows in `datasets/digits`, so that a training of many epochs is quick. */
export async function fewDigits(rows: number): Promise<void> {
  await rm('datasets');
  await mkdir('datasets/digits', { recursive: true });
  await copyFile(join(digitsFolder, 'dataset.json'), 'datasets/digits/dataset.json');
  const lines = gunzipSync(readFileSync(join(digitsFolder, 'digits.csv.gz')))
    .toString()
    .split('\n');
  await writeFile('datasets/digits/digits.csv.gz', gzipSync(lines.slice(0, rows).join('\n')));
}

/** A convolutional network that has seen the digits twice. */
export async function trainedModel(): Promise<Uint8Array> {
  const { train, validation } = await digits();
  const model = buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10 }, 1);
  const optimizer = { name: 'adamw', learningRate: 0.005 } as const;
  return (await fit({ model, createSession, train, validation, epochs: 2, optimizer })).bytes;
}

/** A network that reads two inputs and gives two outputs, as PyTorch exports it. */
export const towers = async (): Promise<Model> =>
  decodeModel(await readFile(new URL('../../packages/training/goldens/ports/towers.ts17.onnx', import.meta.url)));

/** Numbers that are the same every time, between -0.5 and 0.5. */
export function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
}

export const tensor = (...dims: number[]): Tensor => ({
  dtype: 'float32',
  dims,
  data: numbers(dims.reduce((size, dim) => size * dim, 1)),
});

/** Digits [batch, 1, 8, 8] as `x`, ten `scores`; the seed makes its weights other ones. */
export function digitsModel(seed = 0): Uint8Array {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 1, 8, 8]);
  const w = b.initializer('w', float32([64, 10], numbers(640 + seed).slice(seed)));
  b.node('MatMul', [b.node('Flatten', [x]), w], {}, 1, { outputNames: ['scores'] });
  b.output('scores', 'float32', ['batch', 10]);
  return encodeModel(b.build());
}

/** Two convolutions of images, with nodes between them that do nothing: an Identity and a factor of 1. */
export function convolutions(): Model {
  const b = new GraphBuilder();
  const pads = ints([1, 1, 1, 1]);
  let value = b.input('x', 'float32', ['batch', 3, 16, 16]);
  const first = b.initializer('first', float32([16, 3, 3, 3], numbers(16 * 27)));
  const second = b.initializer('second', float32([16, 16, 3, 3], numbers(16 * 144)));
  value = b.node('Identity', [b.node('Conv', [value, first], { pads })]);
  value = b.node('Relu', [b.node('Mul', [value, b.initializer('one', float32([1], [1]))])]);
  value = b.node('Relu', [b.node('Conv', [value, second], { pads })]);
  b.node('GlobalAveragePool', [value], {}, 1, { outputNames: ['y'] });
  b.output('y', 'float32', ['batch', 16, 1, 1]);
  return b.build();
}

/** A transport for the metadata of several repositories. */
export function transport(
  repositories: Readonly<Record<string, MetadataFiles>>,
): (repository: string, file: string) => Promise<Uint8Array | null> {
  return (repository, file) => Promise.resolve(repositories[repository]?.get(file) ?? null);
}

/** One second of a tone in 16-bit PCM at 8 kHz, as a WAV file. */
export function tone(hertz: number): Buffer {
  const samples = Int16Array.from({ length: 8000 }, (_, i) => 8000 * Math.sin((2 * Math.PI * hertz * i) / 8000));
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}
