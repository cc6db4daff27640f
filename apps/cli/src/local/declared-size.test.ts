/** Files of a few hundred bytes that declare 1e9 elements (4 GB): every verb answers, and nothing of that size is allocated. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel, float32, GraphBuilder, int64, type Model, type StoredTensor } from '@verge/onnx';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digits, startVerge, temporaryFolder, writeConfig } from '../test-command.js';
import { watchMemory } from '../test-memory.js';

const MANY = 1e9;
/** What a verb and the process that it starts take with a small model, and room for the machine's differences. */
const MOST_BYTES = 500 * 2 ** 20;

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'short.data'), new Uint8Array(4));
  await writeFile(join(folder, 'fold.json'), JSON.stringify({ name: 'fold', passes: [{ pass: 'fold' }] }));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** x [n, 1, 8, 8] in a row, times 64 elements of w. */
function product(): Model {
  const b = new GraphBuilder();
  const some = b.initializer('some', int64([64], new Array<number>(64).fill(0)));
  const row = b.node('Flatten', [b.input('x', 'float32', ['n', 1, 8, 8])]);
  const factors = b.node('Gather', [b.initializer('w', float32([1], [2])), some], {}, 1, { outputNames: ['factors'] });
  b.output(b.node('Mul', [row, factors]), 'float32', ['n', 64]);
  return b.build();
}

function wide(): Model {
  const b = new GraphBuilder();
  b.output(b.node('Relu', [b.input('x', 'float32', ['n', MANY])]), 'float32', ['n', MANY]);
  return b.build();
}

const withWeight = (model: Model, w: StoredTensor): Model => ({
  ...model,
  graph: { ...model.graph, initializers: new Map([...model.graph.initializers, ['w', w]]) },
});

/** The lengths of the tensor that begins at a place, and of the graph around it, become greater by 4. */
function grownBy(bytes: Buffer, tensor: number): Uint8Array {
  bytes[tensor - 1]! += 4;
  // ModelProto.graph, its length in two bytes.
  const graph = bytes.indexOf(0x3a);
  const length = (bytes[graph + 1]! & 127) + 128 * bytes[graph + 2]! + 4;
  bytes[graph + 1] = (length & 127) | 128;
  bytes[graph + 2] = length >> 7;
  return bytes;
}

const files: Record<string, () => Uint8Array> = {
  'elements that are not there': () => {
    const bytes = encodeModel(product());
    // TensorProto: dims = 1 becomes 1e9 (a varint of 5 bytes), so that lengths around it grow by 4.
    const tensor = [0x08, 0x01, 0x10, 0x01];
    const at = Buffer.from(bytes).indexOf(Buffer.from(tensor));
    const grown = Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from([0x08, 0x80, 0x94, 0xeb, 0xdc, 0x03]),
      bytes.subarray(at + 2),
    ]);
    return grownBy(grown, at);
  },
  'external data that are short': () =>
    encodeModel(
      withWeight(product(), {
        name: 'w',
        value: { dtype: 'float32', dims: [MANY], external: { location: 'short.data', offset: 0, length: 4 * MANY } },
      }),
    ),
  'a sparse tensor of one element': () => {
    const model = product();
    const { graph } = model;
    const initializers = new Map([...graph.initializers].filter(([name]) => name !== 'w'));
    const values = { name: 'w', value: float32([1], [2]) };
    const sparse = { values, indices: { name: '', value: int64([1], [5]) }, dims: [MANY] };
    return encodeModel({ ...model, graph: { ...graph, initializers, sparseInitializers: [sparse] } });
  },
  'an input': () => encodeModel(wide()),
};

const verbs: Record<string, (model: string) => Promise<string[]>> = {
  inspect: async (model) => ['inspect', '--model', model],
  'inspect --measure': async (model) => ['inspect', '--model', model, '--measure'],
  benchmark: async (model) => ['benchmark', '--model', model, '--runs', '1', '--warmup', '0'],
  simplify: async (model) => ['simplify', '--model', model, '--out', join(folder, 's.onnx')],
  convert: async (model) => ['convert', '--model', model, '--opset', '13', '--out', join(folder, 'c.onnx')],
  partition: async (model) => ['partition', '--model', model, '--stages', '1', '--out', join(folder, 'st'), '--force'],
  'partition --measure': async (model) => [
    ...['partition', '--model', model, '--stages', '1', '--measure', '1'],
    ...['--out', join(folder, 'st'), '--force'],
  ],
  extract: async (model) => ['extract', '--model', model, '--out', join(folder, 'x.onnx'), '--to', 'factors'],
  evaluate: async (model) => ['evaluate', '--model', model, '--data', digits, '--runs', '1'],
  compress: async (model) => [
    ...['compress', '--model', model, '--recipe', join(folder, 'fold.json'), '--data', digits],
    ...['--class', 'here', '--out', join(folder, 'compressed'), '--force'],
  ],
  train: async (onnx) => [
    ...['train', '--config', await writeConfig(folder, { model: { onnx }, epochs: 1 }, 'declared.yaml')],
    ...['--out', join(folder, 'trained'), '--force'],
  ],
};

const cases = Object.keys(files).flatMap((file) => Object.keys(verbs).map((verb) => [verb, file] as const));
/** The short form takes one verb that runs the model and one that trains it. */
const taken = cases.filter(
  ([verb]) => process.env['VERGE_TEST_FULL'] !== undefined || verb === 'simplify' || verb === 'train',
);

it.each(taken)('%s answers %s', async (verb, file) => {
  const model = join(folder, 'declared.onnx');
  await writeFile(model, files[file]!());
  expect((await stat(model)).size).toBeLessThan(1000);
  const running = startVerge([...(await verbs[verb]!(model)), '--json']);
  const ended = watchMemory(running.child.pid!);
  const run = await running.exit;
  const { peak, looked } = ended();
  expect(looked).toBeGreaterThan(5);
  expect(peak).toBeLessThan(MOST_BYTES);
  // An answer, and no crash: `usage` for what does not hold, or what the verb found.
  expect([0, 1, 2], run.stderr).toContain(run.code);
  expect(() => run.json()).not.toThrow();
});
