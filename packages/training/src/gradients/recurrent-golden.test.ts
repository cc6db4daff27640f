import { readFile } from 'node:fs/promises';
/** RNN, GRU and LSTM in training form against PyTorch's numbers, and against the stored results of the ONNX node tests. */
import { describe, expect, it } from 'vitest';
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
import { dataFolder, nodeCases } from '@verge/onnx/conformance';
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

const folder = dataFolder('the recurrent cases of the ONNX node tests');

/** The files of the recurrent node tests, by test and file. */
function recurrentCases(from: string): Map<string, Map<string, Uint8Array>> {
  const cases = new Map<string, Map<string, Uint8Array>>();
  for (const { path, bytes } of nodeCases(from)) {
    const [, name, file] = /(test_(?:gru|lstm|rnn|simple_rnn)_[^/]*)\/(.+)$/.exec(path) ?? [];
    if (!name || !file) continue;
    cases.set(name, (cases.get(name) ?? new Map<string, Uint8Array>()).set(file, bytes));
  }
  return new Map([...cases].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function storedTensor(bytes: Uint8Array): Tensor {
  const { value } = decodeTensor(bytes);
  if ('external' in value) throw new Error('the tensor is stored in another file');
  return value;
}

describe.skipIf(!folder)('recurrent cases of the ONNX 1.22 node tests', () => {
  it('give the stored outputs in their training form, layout 1 with gradients that agree with differences', async () => {
    const cases = recurrentCases(folder!);
    for (const [name, files] of cases) {
      const model = decodeModel(files.get('model.onnx')!);
      const load = (file: string): Tensor => storedTensor(files.get(`test_data_set_0/${file}.pb`)!);
      const feeds: Record<string, Tensor> = {};
      for (const [i, input] of model.graph.inputs.entries()) feeds[input.name] = load(`input_${i}`);
      const wrt = Object.keys(feeds).filter((input) => feeds[input]!.dtype === 'float32');
      for (const [i, output] of model.graph.outputs.entries()) {
        const expected = load(`output_${i}`);
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
    console.log(`${cases.size} recurrent node tests went through the training form`);
    expect(cases.size).toBe(12);
  });
});
