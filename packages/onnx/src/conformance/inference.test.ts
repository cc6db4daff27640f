import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  inferShapes,
  OnnxError,
  valueTypes,
  type Dim,
  type Graph,
  type Tensor,
  type ValueInfo,
  type ValueType,
} from '../index.js';
import { dataFolder, lightCases, looseModels, nodeCases } from './archive.js';
import { bare, casesOf, verdict, type Case } from './cases.js';
import { EXCEPTIONS, OPEN } from './exceptions.js';
import { decodeStored } from './values.js';

const folder = dataFolder('shape inference against the stored results of the ONNX 1.22 node tests');

interface Finding {
  verdict: 'exact' | 'open' | 'wrong';
  /** The operators of the case, in the order in which they first occur. */
  operators: string;
  text: string;
}

/** The outputs of a case against what was inferred from its inputs alone. */
function findings({ model, inputs, outputs }: Case): Finding[] {
  const operators = [...new Set(model.graph.nodes.map((n) => n.op))].join(' ');
  const { graph } = inferShapes(bare(model), { known: inputs });
  return graph.outputs.map(({ name, type }) => {
    const stored = outputs.get(name);
    if (!stored) throw new Error(`output ${name} is not stored`);
    return { verdict: verdict(type, stored), operators, text: `${name}: ${JSON.stringify(type)}` };
  });
}

/** The number of values that nodes compute, of those of known rank, and of those of known sizes. */
function known(graph: Graph): [number, number, number] {
  const types = valueTypes(graph);
  const values = graph.nodes.flatMap((n) => n.outputs).filter((o) => o !== '');
  const shapes = values.flatMap((v) => {
    const type = types.get(v);
    return type?.kind === 'tensor' && type.dtype !== null && type.shape !== null ? [type.shape] : [];
  });
  return [values.length, shapes.length, shapes.filter((s) => s.every((d) => typeof d === 'number')).length];
}

let decoded: Case[] | null = null;
/** The node cases, decoded once. */
const nodeTests = (): Case[] => (decoded ??= casesOf(nodeCases(folder!)));

/** Outputs that are tensors, inferred from inputs whose sizes are all symbols; `symbols` gets what these stand for. */
function symbolicResults(
  { model, inputs, outputs }: Case,
  symbols: Map<string, number>,
): [string, ValueType | null, Tensor][] {
  const plain = bare(model);
  const named = plain.graph.inputs.map((info): ValueInfo => {
    const dims = inputs.get(info.name)?.dims;
    if (info.type?.kind !== 'tensor' || !dims) return info;
    const shape = dims.map((size, axis) => {
      symbols.set(`${info.name}.${axis}`, size);
      return `${info.name}.${axis}`;
    });
    return { ...info, type: { ...info.type, shape } };
  });
  const { graph } = inferShapes({ ...plain, graph: { ...plain.graph, inputs: named } });
  return graph.outputs.flatMap(({ name, type }): [string, ValueType | null, Tensor][] => {
    const stored = outputs.get(name);
    return stored?.kind === 'tensor' ? [[name, type, stored.tensor]] : [];
  });
}

/** Whether sizes agree, each symbol standing for the same number everywhere. */
function fits(shape: readonly Dim[], dims: readonly number[], symbols: Map<string, number>): boolean {
  return (
    shape.length === dims.length &&
    shape.every((d, i) => {
      if (typeof d !== 'string') return d === null || d === dims[i];
      if (!symbols.has(d)) symbols.set(d, dims[i]!);
      return symbols.get(d) === dims[i];
    })
  );
}

interface Summary {
  cases: number;
  exact: number;
  open: number;
  /** Cases that are open in part, by their operators. */
  openBy: Record<string, number>;
  /** What disagrees, by the name of the case. */
  wrong: Map<string, string>;
}

function summarise(cases: readonly Case[]): Summary {
  const summary: Summary = { cases: cases.length, exact: 0, open: 0, openBy: {}, wrong: new Map() };
  for (const one of cases) {
    let found: Finding[];
    try {
      found = findings(one);
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      summary.wrong.set(one.name, error.message);
      continue;
    }
    for (const f of found) {
      if (f.verdict === 'wrong') summary.wrong.set(one.name, f.text);
      else summary[f.verdict]++;
    }
    const left = found.find((f) => f.verdict === 'open');
    if (left) summary.openBy[left.operators] = (summary.openBy[left.operators] ?? 0) + 1;
  }
  console.log(
    `${summary.cases} cases: ${summary.exact} outputs agree exactly, ${summary.open} as far as known, ` +
      `${summary.wrong.size} cases disagree`,
  );
  return summary;
}

describe.skipIf(!folder)('shape inference', () => {
  it('agrees with the stored results of the node tests', () => {
    const { cases, exact, open, openBy, wrong } = summarise(nodeTests());
    const unlisted = [...wrong].filter(([name]) => !Object.hasOwn(EXCEPTIONS, name));
    expect(unlisted).toEqual([]);
    // An entry that is no longer needed is an error too.
    expect(Object.keys(EXCEPTIONS).filter((name) => !wrong.has(name))).toEqual([]);
    expect(openBy).toEqual(Object.fromEntries(Object.entries(OPEN).map(([ops, entry]) => [ops, entry.cases])));
    expect({ cases, exact, open }).toEqual({ cases: 1765, exact: 2143, open: 36 });
  });

  it('says nothing wrong of the node tests when every size of their inputs is a symbol', () => {
    const found = { known: 0, inPart: 0, rankUnknown: 0 };
    const wrong: string[] = [];
    for (const one of nodeTests()) {
      const symbols = new Map<string, number>();
      for (const [name, type, stored] of symbolicResults(one, symbols)) {
        if (type?.kind !== 'tensor' || type.dtype !== stored.dtype) wrong.push(`${one.name} ${name}`);
        else if (!type.shape) found.rankUnknown++;
        else if (!fits(type.shape, stored.dims, symbols)) wrong.push(`${one.name} ${name}: ${String(type.shape)}`);
        else found[type.shape.includes(null) ? 'inPart' : 'known']++;
      }
    }
    console.log(
      `with symbols: ${found.known} shapes known, ${found.inPart} in part, ${found.rankUnknown} not even the rank`,
    );
    expect(wrong).toEqual([]);
    expect(found).toEqual({ known: 1202, inPart: 877, rankUnknown: 71 });
  });

  it('agrees with the results of older operator sets, of graphs converted from PyTorch among them', () => {
    const { cases, exact, open, openBy, wrong } = summarise(casesOf(lightCases(folder!)));
    expect([...wrong]).toEqual([]);
    expect(openBy).toEqual({ StringNormalizer: 5 });
    expect({ cases, exact, open }).toEqual({ cases: 140, exact: 142, open: 5 });
  });

  it('finds every size of the nine classic networks, the stored one of their result among them', () => {
    const files = new Map(lightCases(folder!).map((f) => [f.path, f.bytes]));
    const nets = [...files].filter(([path]) => /light_\w+\.onnx$/.test(path));
    const rows = nets.map(([path, bytes]) => {
      const { graph } = inferShapes(bare(decodeModel(bytes)));
      const stored = decodeStored(files.get(path.replace('.onnx', '_output_0.pb'))!, 'tensor');
      return [verdict(graph.outputs[0]!.type, stored), ...known(graph)];
    });
    expect(rows.map(([result]) => result)).toEqual(new Array(9).fill('exact'));
    for (const [, values, ranked, exact] of rows) expect([ranked, exact]).toEqual([values, values]);
  });

  it('finds every rank of published networks from the types of their inputs alone', () => {
    const rows = looseModels(folder!).map(({ path, bytes }) => {
      const { graph } = inferShapes(bare(decodeModel(bytes)));
      return [path.split('/').at(-1), ...known(graph).slice(0, 2)];
    });
    // The last one chooses between branches of different ranks, all but one of which contradict the nodes behind them.
    expect(rows).toEqual([
      ['model_1.onnx', 40, 40],
      ['model_2.onnx', 84, 84],
      ['ad01_autoencoder_fp32.onnx', 20, 20],
      ['resnet8_cifar10_fp32.onnx', 24, 24],
      ['dscnn_kws_fp32.onnx', 23, 23],
      ['vww_mobilenetv1_025_96_fp32.onnx', 59, 59],
      ['mobilenet_v1_0.25_224_fp32.onnx', 59, 59],
      ['mobilenet_v2_keras_coral_fp32_restored.onnx', 102, 102],
      ['silero_vad_16k_op15.onnx', 122, 122],
    ]);
  });

  it('finds every size of a network with branches once its symbols have sizes', () => {
    const { bytes } = looseModels(folder!).find(({ path }) => path.endsWith('silero_vad_16k_op15.onnx'))!;
    const { graph } = inferShapes(bare(decodeModel(bytes)), { dims: { batch: 3, sequence: 576 } });
    expect(known(graph)).toEqual([122, 122, 122]);
    expect(graph.outputs.map((o) => o.type)).toEqual([
      { kind: 'tensor', dtype: 'float32', shape: [3, 1] },
      { kind: 'tensor', dtype: 'float32', shape: [2, 3, 128] },
    ]);
  });
});
