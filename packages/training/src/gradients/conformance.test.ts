/** Every row on the inputs of the ONNX node tests: the training form's result, and gradients against differences. */
import { describe, expect, it } from 'vitest';
import {
  attrInt,
  decodeModel,
  decodeTensor,
  elementCount,
  encodeModel,
  float32,
  GraphBuilder,
  int,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { dataFolder, nodeCases } from '@verge/onnx/conformance';
import { Random } from '../random.js';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import { gradientRow } from './table.js';

const folder = dataFolder('gradients on the inputs of the ONNX 1.22 node tests');

/** Float inputs that say how, not what: they have no gradient, and most must be constants. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  Dropout: [1],
  Resize: [1, 2],
  Upsample: [1],
  OneHot: [0, 1],
};
/**
 * Checked elsewhere: recurrent layers have a file of their own, rounding has no differences, dropout has its own mask, and
 * the casts of these cases lead to types that training does not use.
 */
const LEFT_OUT = new Set(
  'Cast CastLike DequantizeLinear Dropout DynamicQuantizeLinear GRU LSTM QuantizeLinear RNN'.split(' '),
);
/** Cases on which the runtime differs from the norm, or that it does not run. */
const RUNTIME: Readonly<Record<string, string>> = {
  test_maxunpool_export_with_output_shape: 'its own result differs',
  test_pow_types_float32_uint32: 'no kernel for unsigned exponents',
  test_pow_types_float32_uint64: 'no kernel for unsigned exponents',
  test_resize_downsample_scales_cubic_align_corners: 'its own result differs',
  test_resize_downsample_scales_linear_align_corners: 'its own result differs',
};

interface Prepared {
  readonly name: string;
  readonly model: Model;
  readonly feeds: Record<string, Tensor>;
  readonly expected: Tensor;
  readonly wrt: readonly string[];
}

type Files = ReadonlyMap<string, Uint8Array>;

function stored(files: Files, path: string): Tensor | undefined {
  const bytes = files.get(path);
  const value = bytes && decodeTensor(bytes).value;
  return value && !('external' in value) ? value : undefined;
}

/** The case with its float inputs as inputs and everything else as constants; undefined where it is not for training. */
function prepare(files: Files, path: string): Prepared | undefined {
  const { graph, opsets } = decodeModel(files.get(path)!);
  const node = graph.nodes[0]!;
  const row = gradientRow(node.domain, node.op);
  const name = path.split('/').at(-2)!;
  if (graph.nodes.length !== 1 || !row || LEFT_OUT.has(node.op) || name in RUNTIME) return undefined;
  if (row.unsupported?.(node) !== undefined || attrInt(node, 'training_mode', 0) === 1) return undefined;
  if ([...graph.inputs, ...graph.outputs].some((v) => v.type?.kind !== 'tensor')) return undefined;
  const data = path.replace('model.onnx', 'test_data_set_0/');
  const expected = stored(files, `${data}output_0.pb`);
  const values = graph.inputs.map((_, i) => stored(files, `${data}input_${i}.pb`));
  if (!expected || expected.dtype === 'string' || values.some((v) => v === undefined)) return undefined;
  const b = new GraphBuilder();
  const feeds: Record<string, Tensor> = {};
  graph.inputs.forEach(({ name }, i) => {
    const value = values[i]!;
    const setting = SETTINGS[node.op]?.includes(node.inputs.indexOf(name));
    if (value.dtype !== 'float32' || setting || elementCount(value.dims) === 0) b.initializer(name, value);
    else {
      b.input(name, 'float32', value.dims);
      feeds[name] = value;
    }
  });
  const isFloat = values[0]?.dtype === 'float32' || expected.dtype === 'float32';
  if (Object.keys(feeds).length === 0 || !isFloat) return undefined;
  const attributes = Object.fromEntries(node.attributes);
  b.node(node.op, node.inputs, attributes, node.outputs.length, { outputNames: node.outputs });
  const y = node.outputs[0]!;
  const cast = expected.dtype === 'float32' ? y : b.node('Cast', [y], { to: int(1) });
  b.output(cast, 'float32', null);
  const model = b.build({ opset: opsets.get('') });
  return { name, model, feeds, expected, wrt: Object.keys(feeds) };
}

/** Up to this many elements of an input are moved. */
const MOVED = process.env['VERGE_TEST_FULL'] ? 60 : 2;
const STEP = 0.005;

type Project = (moved: Record<string, Tensor>) => Promise<number>;

interface Slopes {
  readonly left: number;
  readonly right: number;
  /** From both sides, by Richardson's extrapolation. */
  readonly between: number;
  /** The difference does not shrink with the step. */
  readonly jumps: boolean;
}

async function slopesAt(project: Project, name: string, x: Tensor & { dtype: 'float32' }, at: number): Promise<Slopes> {
  const value = async (delta: number): Promise<[number, number]> => {
    const data = x.data.slice();
    data[at] = data[at]! + delta;
    return [data[at]!, await project({ [name]: float32(x.dims, data) })];
  };
  const [x0, y0] = await value(0);
  const [xa, ya] = await value(-STEP);
  const [xb, yb] = await value(STEP);
  const [xc, yc] = await value(-STEP / 2);
  const [xd, yd] = await value(STEP / 2);
  return {
    left: (y0 - yc) / (x0 - xc),
    right: (yd - y0) / (xd - x0),
    between: ((4 * (yd - yc)) / (xd - xc) - (yb - ya) / (xb - xa)) / 3,
    jumps: Math.abs(yd - yc) > 0.9 * Math.abs(yb - ya),
  };
}

interface Verdict {
  elements: number;
  /** Elements within a step of a kink, of a jump, or of the end of the operator's domain. */
  kinks: number;
  jumps: number;
  ends: number;
  wrong: string[];
}

/** Holds the result and some elements of every gradient of one case to the operator itself. */
async function examine(c: Prepared, verdict: Verdict): Promise<void> {
  const graph = buildVectorJacobianModel(c.model, { wrt: c.wrt, mode: 'eval' });
  const session = await createSession(encodeModel(graph), { optimization: 'extended' });
  try {
    const random = new Random(3, c.name);
    const r = Float32Array.from({ length: elementCount(c.expected.dims) }, () => random.uniform(-1, 1));
    const feeds = { ...c.feeds, seed: float32(c.expected.dims, r) };
    // Where nothing flows back, the seed is not asked for, and where only sizes are read, no values are.
    const asked = (moved: Record<string, Tensor>): Record<string, Tensor> =>
      Object.fromEntries(Object.entries({ ...feeds, ...moved }).filter(([name]) => session.inputNames.includes(name)));
    const out = await session.run(asked({}));
    const worst = distance(out[OUTPUT]!.data as Float32Array, c.expected);
    if (!(worst < 2e-4)) verdict.wrong.push(`${c.name}: the result is off by ${worst}`);
    const project: Project = async (moved) => {
      const y = (await session.run(asked(moved), [OUTPUT]))[OUTPUT]!.data as Float32Array;
      return y.reduce((sum, v, i) => sum + v * r[i]!, 0);
    };
    for (const name of c.wrt) {
      const x = c.feeds[name]!;
      const exact = out[`gradient.${name}`]!.data as Float32Array;
      const scale = exact.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
      // Rounding to float32 on the way to a difference.
      const noise = (2e-7 * length(out[OUTPUT]!.data as Float32Array)) / STEP;
      for (const at of random.permutation(exact.length).slice(0, MOVED)) {
        verdict.elements++;
        const found = await slopesAt(project, name, x as Tensor & { dtype: 'float32' }, at);
        const problem = judge(exact[at]!, found, scale, 2e-3 * scale + noise, verdict);
        if (problem) verdict.wrong.push(`${c.name}: gradient of ${name}[${at}] ${problem}`);
      }
    }
  } finally {
    await session.release();
  }
}

/** Of all elements that are numbers. */
const length = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, v) => (Number.isFinite(v) ? sum + v * v : sum), 0));

/** What is wrong with one element of a gradient, if anything is. */
function judge(got: number, found: Slopes, scale: number, tolerance: number, verdict: Verdict): string | undefined {
  const { left, right, between, jumps } = found;
  if (!Number.isFinite(between)) return void verdict.ends++;
  if (Math.abs(between - got) < tolerance) return undefined;
  if (jumps) return void verdict.jumps++;
  // A kink within the step: what is right lies between the slopes of its two sides.
  const [low, high, slack] = [Math.min(left, right), Math.max(left, right), 0.02 * scale];
  if (high - low > tolerance && got > low - slack && got < high + slack) return void verdict.kinks++;
  return `is ${got}, differences say ${between}`;
}

/** The largest difference, relative to the largest element that is a number. */
function distance(got: Float32Array, want: Tensor): number {
  const values = Array.from(want.data as ArrayLike<number | bigint>, Number);
  const scale = values.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0) || 1;
  return (
    values.reduce((m, v, i) => (Object.is(v, got[i]) || v === got[i] ? m : Math.max(m, Math.abs(v - got[i]!))), 0) /
    scale
  );
}

describe.skipIf(!folder)('gradients on the inputs of the ONNX 1.22 node tests', () => {
  it('agree with differences, and the training form with the stored results', async () => {
    const files = new Map(nodeCases(folder!).map((f) => [f.path, f.bytes]));
    const cases = [...files.keys()]
      .filter((path) => path.endsWith('/model.onnx'))
      .flatMap((path) => prepare(files, path) ?? []);
    const verdict: Verdict = { elements: 0, kinks: 0, jumps: 0, ends: 0, wrong: [] };
    for (const c of cases) {
      try {
        await examine(c, verdict);
      } catch (error) {
        verdict.wrong.push(`${c.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const operators = new Set(cases.map((c) => c.model.graph.nodes[0]!.op));
    console.log(
      `${cases.length} cases of ${operators.size} operators, ${verdict.elements} elements: ${verdict.kinks} at kinks, ` +
        `${verdict.jumps} at jumps, ${verdict.ends} at the end of a domain`,
    );
    expect(verdict.wrong).toEqual([]);
  });
});
