/** RNN, GRU and LSTM in training form against PyTorch's numbers, and against the stored results of the ONNX node tests. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  decodeModel,
  decodeTensor,
  elementCount,
  encodeModel,
  float32,
  GraphBuilder,
  int,
  str,
  strs,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import { gradientErrors } from './central-differences.js';
import type { RecurrentOp } from './recurrent-node.js';

interface Stored {
  readonly dims: number[];
  readonly data: number[];
}
interface Golden {
  readonly op: RecurrentOp;
  readonly direction: string;
  readonly hidden: number;
  readonly activation: string | null;
  readonly lengths: number[] | null;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly outputs: Readonly<Record<string, Stored>>;
  readonly seeds: Readonly<Record<string, Stored>>;
  readonly gradients: Readonly<Record<string, Stored>>;
}

const golden = JSON.parse(await readFile(new URL('../../goldens/recurrent.golden.json', import.meta.url), 'utf8')) as {
  torch: string;
  cases: Golden[];
};

const tensor = ({ dims, data }: Stored): Tensor => float32(dims, Float32Array.from(data));

/** The largest difference, relative to the largest element. */
function distance(actual: Tensor | undefined, expected: Stored): number {
  const data = actual!.data as Float32Array;
  const scale = expected.data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return expected.data.reduce((worst, v, i) => Math.max(worst, Math.abs(v - data[i]!)), 0) / scale;
}

/** sum over outputs of seed * output, as PyTorch was asked to differentiate, next to the outputs themselves. */
function goldenModel(c: Golden): Model {
  const b = new GraphBuilder();
  const input = (name: string): string => (c.inputs[name] ? b.input(name, 'float32', c.inputs[name].dims) : '');
  const batch = c.inputs['x']!.dims[1]!;
  const lengths = c.lengths ? b.constant({ dtype: 'int32', dims: [batch], data: Int32Array.from(c.lengths) }) : '';
  const inputs = [...['x', 'W', 'R', 'B'].map(input), lengths, input('h0'), input('c0')];
  const outputNames = Object.keys(c.outputs);
  const attributes = {
    hidden_size: int(c.hidden),
    direction: str(c.direction),
    linear_before_reset: c.op === 'GRU' ? int(1) : undefined,
    activations: c.activation ? strs([c.activation === 'relu' ? 'Relu' : 'Tanh']) : undefined,
  };
  b.node(c.op, inputs.slice(0, inputs.findLastIndex((i) => i !== '') + 1), attributes, outputNames.length, {
    outputNames,
  });
  const all = b.constant({ dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) });
  const flat = outputNames.map((name) => b.node('Reshape', [name, all]));
  b.output(b.node('Concat', flat, { axis: int(0) }), 'float32', null);
  return b.build();
}

describe(`recurrent layers against PyTorch ${golden.torch} in double precision`, () => {
  for (const [i, c] of golden.cases.entries()) {
    it(`${i + 1}: ${c.op} ${c.direction}${c.activation ? ` ${c.activation}` : ''}${c.lengths ? ', lengths' : ''}`, async () => {
      const wrt = Object.keys(c.gradients);
      const session = await createSession(encodeModel(buildVectorJacobianModel(goldenModel(c), { wrt })));
      const joined = (from: Readonly<Record<string, Stored>>): Stored => {
        const data = Object.values(from).flatMap((s) => s.data);
        return { dims: [data.length], data };
      };
      const feeds = Object.fromEntries(Object.entries(c.inputs).map(([name, stored]) => [name, tensor(stored)]));
      const out = await session.run({ ...feeds, seed: tensor(joined(c.seeds)) });
      await session.release();
      expect(distance(out[OUTPUT], joined(c.outputs)), 'output').toBeLessThan(2e-6);
      for (const name of wrt) expect(distance(out[`gradient.${name}`], c.gradients[name]!), name).toBeLessThan(4e-6);
    });
  }
});

const folder = process.env['VERGE_DATA'];
if (!folder) console.log('VERGE_DATA is not set: skipping the recurrent cases of the ONNX node tests');

/** Unpacks the node tests and gives the folders of the recurrent ones. */
async function nodeTests(into: string): Promise<string[]> {
  const archive = join(folder!, 'onnx-conformance', 'onnx-v1.22.0-backend-node.tar.gz');
  await promisify(execFile)('tar', ['-xzf', archive, '-C', into]);
  const paths = await readdir(into, { recursive: true });
  return paths.filter((path) => /test_(gru|lstm|rnn|simple_rnn)_[^/]*$/.test(path)).sort();
}

async function storedTensor(path: string): Promise<Tensor> {
  const { value } = decodeTensor(await readFile(path));
  if ('external' in value) throw new Error(path);
  return value;
}

describe.skipIf(!folder)('recurrent cases of the ONNX 1.22 node tests', () => {
  it('give the stored outputs in their training form, layout 1 with gradients that agree with differences', async () => {
    const unpacked = await mkdtemp(join(tmpdir(), 'verge-recurrent-'));
    onTestFinished(() => rm(unpacked, { recursive: true }));
    const names = await nodeTests(unpacked);
    for (const name of names) {
      const model = decodeModel(await readFile(join(unpacked, name, 'model.onnx')));
      const load = (file: string): Promise<Tensor> =>
        storedTensor(join(unpacked, name, 'test_data_set_0', `${file}.pb`));
      const feeds: Record<string, Tensor> = {};
      for (const [i, input] of model.graph.inputs.entries()) feeds[input.name] = await load(`input_${i}`);
      const wrt = Object.keys(feeds).filter((input) => feeds[input]!.dtype === 'float32');
      for (const [i, output] of model.graph.outputs.entries()) {
        const expected = await load(`output_${i}`);
        const one = { ...model, graph: { ...model.graph, outputs: [output] } };
        const session = await createSession(encodeModel(buildVectorJacobianModel(one, { wrt })));
        const seed = float32(expected.dims, new Float32Array(elementCount(expected.dims)).fill(1));
        const actual = (await session.run({ ...feeds, seed }, [OUTPUT]))[OUTPUT];
        await session.release();
        const stored = { dims: [...expected.dims], data: Array.from(expected.data as Float32Array) };
        expect(actual!.dims, name).toEqual(expected.dims);
        // What the node tests allow is 1e-3 of each value; here it is relative to the largest.
        expect(distance(actual, stored), name).toBeLessThan(1e-5);
        if (!name.includes('batchwise')) continue;
        const errors = await gradientErrors(one, createSession, { feeds, wrt: wrt.slice(0, 2) });
        for (const [input, error] of errors) expect(error, `${name} ${input}`).toBeLessThan(5e-4);
      }
    }
    console.log(`${names.length} recurrent node tests went through the training form`);
    expect(names.length).toBe(12);
  });
});
