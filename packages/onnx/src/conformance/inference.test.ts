import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  decodeTensor,
  inferShapes,
  valueTypes,
  type Model,
  type Tensor,
  type ValueType,
} from '../index.js';
import { rowOf } from '../infer/table.js';
import { dataFolder, looseModels, nodeCases } from './archive.js';

const folder = dataFolder('shape inference against the stored results of the ONNX 1.22 node tests');

interface Case {
  name: string;
  model: Model;
  inputs: Map<string, Tensor>;
  outputs: Map<string, Tensor>;
}

/** The node cases with tensors only, whose operators all have a row. */
/** The node cases with tensors only, whose operators all have a row. */
function cases(): { all: number; covered: Case[] } {
  const files = new Map(nodeCases(folder!).map((f) => [f.path, f.bytes]));
  const covered: Case[] = [];
  let all = 0;
  for (const [path, bytes] of files) {
    if (!path.endsWith('/model.onnx')) continue;
    all++;
    const model = decodeModel(bytes);
    const stem = path.slice(0, -'model.onnx'.length);
    const { inputs, outputs, nodes } = model.graph;
    const ours = nodes.every((n) => n.domain === '' && rowOf(n.op) !== null);
    if (!ours || [...inputs, ...outputs].some((v) => v.type?.kind !== 'tensor')) continue;
    const load = (side: string, list: typeof inputs): Map<string, Tensor> =>
      new Map(
        list.flatMap(({ name }, i) => {
          const stored = files.get(`${stem}test_data_set_0/${side}_${i}.pb`);
          const value = stored && decodeTensor(stored).value;
          return value && !('external' in value) ? [[name, value]] : [];
        }),
      );
    covered.push({
      name: path.split('/').at(-2)!,
      model,
      inputs: load('input', inputs),
      outputs: load('output', outputs),
    });
  }
  return { all, covered };
}

/** The same model without any stored type but those of its inputs. */
function bare(model: Model): Model {
  const outputs = model.graph.outputs.map((o) => ({ ...o, type: null }));
  return { ...model, graph: { ...model.graph, values: new Map(), outputs } };
}

/** `exact` types and shapes agree; `open` agree as far as known, the values decide the rest (NonZero); else `wrong`. */
function compare(type: ValueType | null, expected: Tensor): 'exact' | 'open' | 'wrong' {
  if (type?.kind !== 'tensor' || type.dtype !== expected.dtype) return 'wrong';
  if (type.shape === null) return 'open';
  if (type.shape.length !== expected.dims.length) return 'wrong';
  if (type.shape.some((d, i) => typeof d === 'number' && d !== expected.dims[i])) return 'wrong';
  return type.shape.every((d) => typeof d === 'number') ? 'exact' : 'open';
}

describe.skipIf(!folder)('shape inference', () => {
  it('agrees with the stored results of the node tests', () => {
    const { all, covered } = cases();
    const found = { exact: 0, open: 0, wrong: [] as string[] };
    const operators = new Set<string>();
    for (const { name, model, inputs, outputs } of covered) {
      for (const node of model.graph.nodes) operators.add(node.op);
      for (const { name: output, type } of inferShapes(bare(model), { known: inputs }).graph.outputs) {
        const expected = outputs.get(output);
        if (!expected) continue;
        const verdict = compare(type, expected);
        if (verdict === 'wrong') found.wrong.push(`${name}: ${JSON.stringify(type)} for [${expected.dims}]`);
        else found[verdict]++;
      }
    }
    console.log(
      `${covered.length} of ${all} cases use only operators with a row (${operators.size} different ones): ` +
        `${found.exact} outputs agree exactly, ${found.open} as far as known, ${found.wrong.length} disagree`,
    );
    expect(found.wrong).toEqual([]);
    expect({ cases: covered.length, exact: found.exact, open: found.open }).toEqual({
      cases: 1468,
      exact: 1682,
      open: 75,
    });
  });

  it('finds every shape of published networks from their inputs alone', () => {
    const rows = looseModels(folder!).map(({ path, bytes }) => {
      const model = decodeModel(bytes);
      const { graph } = inferShapes(bare(model));
      const types = valueTypes(graph);
      const values = graph.nodes.flatMap((n) => n.outputs).filter((o) => o !== '');
      const ranked = values.filter((v) => {
        const type = types.get(v);
        return type?.kind === 'tensor' && type.dtype !== null && type.shape !== null;
      });
      return [path.split('/').at(-1), values.length, ranked.length];
    });
    // The last one chooses at run time between branches of different ranks, which hides the ranks behind them.
    expect(rows).toEqual([
      ['model_1.onnx', 40, 40],
      ['model_2.onnx', 84, 84],
      ['ad01_autoencoder_fp32.onnx', 20, 20],
      ['resnet8_cifar10_fp32.onnx', 24, 24],
      ['dscnn_kws_fp32.onnx', 23, 23],
      ['vww_mobilenetv1_025_96_fp32.onnx', 59, 59],
      ['mobilenet_v1_0.25_224_fp32.onnx', 59, 59],
      ['mobilenet_v2_keras_coral_fp32_restored.onnx', 102, 102],
      ['silero_vad_16k_op15.onnx', 122, 107],
    ]);
  });
});
