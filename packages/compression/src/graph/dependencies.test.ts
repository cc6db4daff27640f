import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  assertLegal,
  attrInt,
  decodeModel,
  float32,
  GraphBuilder,
  int,
  ints,
  int64,
  str,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { figuresOf } from '../measure/figures.js';
import { withMaskedChannels } from '../passes/prune-filters/masked.js';
import { relativeDifference, verified, type Verified } from '../passes/prune-filters/verify.js';
import { largestDifference, outputWith, randomTensor } from '../test-models.js';
import { dependencies, removalOf, type Dependencies } from './dependencies.js';
import type { Space } from './spaces.js';
import { isLabels, type Axis } from './values.js';

const outputOf = outputWith(createSession);

const odd = (space: Space): Int32Array =>
  Int32Array.from({ length: Math.floor(space.classes.length / 2) }, (_, i) => 2 * i + 1);

interface Thinned extends Verified {
  deps: Dependencies;
  spaces: Space[];
}

/** Keeps every second class of each space, and holds the cut model against the masked one. */
async function thinned(model: Model, input: number[], block = 1): Promise<Thinned> {
  const deps = await dependencies(model, createSession, block);
  const spaces = deps.spaces.filter((s) => s.frozen === null && s.classes.length > 1);
  const name = model.graph.inputs.find((i) => !model.graph.initializers.has(i.name))!.name;
  const x = randomTensor(input);
  const result = await verified(deps, spaces, spaces.map(odd), { feeds: { [name]: x }, createSession });
  expect(result.failed.map((f) => f.reason)).toEqual([]);
  expect(result.difference).toBeLessThanOrEqual(1e-5);
  assertLegal(result.model);
  if (spaces.length > 0) {
    // The mask itself does something.
    const masked = await outputOf(withMaskedChannels(deps, removalOf(deps, spaces, spaces.map(odd))), x);
    const [source, cut] = [await outputOf(model, x), await outputOf(result.model, x)];
    const as = (data: Float32Array): Tensor => float32([data.length], data);
    expect(relativeDifference(as(source), as(masked))).toBeGreaterThan(1e-3);
    expect(relativeDifference(as(masked), as(cut))).toBeLessThanOrEqual(1e-5);
  }
  return { ...result, deps, spaces };
}

const reasons = async (model: Model): Promise<string[]> =>
  (await dependencies(model, createSession)).spaces.flatMap((s) => (s.frozen ? [s.frozen] : []));

/** A graph with named random weights. */
class Net {
  readonly b = new GraphBuilder();
  #seed = 1;

  weight(...dims: number[]): string {
    return this.b.constant(randomTensor(dims, ++this.#seed), 'w');
  }

  conv(x: string, from: number, to: number, group = 1): string {
    return this.b.node('Conv', [x, this.weight(to, from / group, 1, 1), this.weight(to)], { group: int(group) });
  }

  dense(x: string, from: number, to: number): string {
    return this.b.node('Add', [this.b.node('MatMul', [x, this.weight(from, to)]), this.weight(to)]);
  }

  sizes(...values: number[]): string {
    return this.b.constant(int64([values.length], values), 'sizes');
  }

  /** Averages maps and classifies them. */
  classified(x: string, channels: number): Model {
    const flat = this.b.node('Flatten', [this.b.node('GlobalAveragePool', [x])]);
    return this.ended(this.dense(flat, channels, 3));
  }

  ended(y: string): Model {
    this.b.output(y, 'float32', null);
    return this.b.build();
  }
}

/** Networks as PyTorch exports them, with what is left of the MACs when half of all channels go. */
const exported: Record<string, number> = {
  'dense_small.onnx': 3.83,
  'grouped.onnx': 3.59,
  'groupnorm.onnx': 3.68,
  'lstm.onnx': 3.33,
  'mixer.onnx': 3.78,
  'se_conv.onnx': 3.68,
  'shuffle.dynamo.onnx': 2.86,
  'shuffle.onnx': 2.86,
  'siamese.onnx': 3.68,
  'tcn_sym.onnx': 3.32,
  'token_mlp.dynamo.onnx': 3.02,
  'token_mlp.onnx': 3.02,
};

describe('exported networks', () => {
  const folder = new URL('cases/', import.meta.url);
  it('are all there', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(exported).sort());
  });

  it.each(Object.entries(exported))('%s loses half of its channels', async (file, times) => {
    const model = decodeModel(readFileSync(new URL(file, folder)));
    const type = model.graph.inputs[0]!.type;
    const shape = type?.kind === 'tensor' ? type.shape! : [];
    const { model: cut } = await thinned(model, shape.map((d) => (typeof d === 'number' ? d : 2))); // prettier-ignore
    expect(figuresOf(model).macs! / figuresOf(cut).macs!).toBeGreaterThan(times - 0.01);
  });
});

describe('what channels are followed through', () => {
  it('a residual addition: all layers of a stage lose the same channels', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 8);
    const y = net.b.node('Relu', [net.b.node('Add', [x, net.conv(net.b.node('Relu', [x]), 8, 8)])]);
    const { spaces } = await thinned(net.classified(y, 8), [2, 3, 4, 4]);
    expect(spaces.map((s) => s.producers.length)).toEqual([2]);
  });

  it('a depthwise convolution with several filters a channel, and its group count', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 8);
    const deep = net.b.node('Conv', [x, net.weight(16, 1, 3, 3)], { group: int(8) });
    const { model } = await thinned(net.classified(deep, 16), [2, 3, 4, 4]);
    expect(model.graph.nodes.flatMap((n) => (n.op === 'Conv' ? [attrInt(n, 'group', 1)] : []))).toEqual([1, 4]);
  });

  it('groups of a convolution: the same channels of each where they are blocks, else whole ones', async () => {
    const groups = async (group: number, block = 1): Promise<[number, readonly number[]]> => {
      const net = new Net();
      const y = net.conv(net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 16), 16, 16, group);
      const { model } = await thinned(net.classified(y, 16), [2, 3, 4, 4], block);
      const conv = model.graph.nodes.filter((n) => n.op === 'Conv')[1]!;
      return [attrInt(conv, 'group', 1), model.graph.initializers.get(conv.inputs[1]!)!.value.dims];
    };
    expect(await groups(4)).toEqual([4, [8, 2, 1, 1]]);
    expect(await groups(4, 4)).toEqual([2, [8, 4, 1, 1]]);
    expect(await groups(2, 4)).toEqual([2, [8, 4, 1, 1]]);
  });

  it('transposed convolutions, grouped too', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 8);
    const up = net.b.node('ConvTranspose', [x, net.weight(8, 12, 2, 2), net.weight(12)], { strides: ints([2, 2]) });
    const deep = net.b.node('ConvTranspose', [up, net.weight(12, 1, 2, 2)], { group: int(12) });
    const wide = net.b.node('ConvTranspose', [deep, net.weight(12, 5, 2, 2)], { group: int(2) });
    const { spaces } = await thinned(net.classified(wide, 10), [2, 3, 4, 4]);
    expect(spaces).toHaveLength(3);
  });

  it('Split, Concat, Slice and Gather: parts of a layer, each with its own channels', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 16);
    const [a, b] = net.b.node('Split', [x, net.sizes(4, 12)], { axis: int(1) }, 2) as [string, string];
    const cut = net.b.node('Slice', [b, net.sizes(2), net.sizes(-2), net.sizes(1)]);
    const picked = net.b.node('Gather', [b, net.sizes(0, 11, 5)], { axis: int(1) });
    const all = net.b.node('Concat', [a, net.conv(cut, 8, 8), picked], { axis: int(1) });
    const { model } = await thinned(net.classified(all, 15), [2, 3, 4, 4]);
    const split = model.graph.nodes.find((n) => n.op === 'Split')!;
    expect(model.graph.initializers.get(split.inputs[1]!)!.value).toMatchObject({ data: BigInt64Array.of(2n, 6n) });
  });

  it('channels that are padded with zeros', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 8);
    const wide = net.b.node('Pad', [x, net.sizes(0, 4, 0, 0, 0, 4, 0, 0)]);
    const y = net.b.node('Add', [wide, net.conv(x, 8, 16)]);
    const { spaces } = await thinned(net.classified(net.b.node('Relu', [y]), 16), [2, 3, 4, 4]);
    expect(spaces.length).toBeGreaterThan(0);
  });

  it.each(['DCR', 'CRD'])('DepthToSpace in mode %s, and back', async (mode) => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 16);
    const up = net.b.node('DepthToSpace', [x], { blocksize: int(2), mode: str(mode) });
    const y = net.b.node('SpaceToDepth', [net.conv(up, 4, 6)], { blocksize: int(2) });
    const { spaces } = await thinned(net.classified(y, 24), [2, 3, 4, 4]);
    expect(spaces.map((s) => s.classes.length)).toEqual([4, 6]);
  });

  it('attention: queries, keys, values and the projection lose the same heads', async () => {
    const [heads, width, steps] = [4, 3, 5];
    const net = new Net();
    const { b } = net;
    const x = net.dense(b.input('x', 'float32', ['n', steps, 6]), 6, 8);
    const normal = b.node('LayerNormalization', [x, net.weight(8), net.weight(8)], { axis: int(-1) });
    const joint = net.dense(normal, 8, 3 * heads * width);
    const split = b.node('Reshape', [joint, net.sizes(0, steps, 3, heads, width)]);
    const turned = b.node('Transpose', [split], { perm: ints([2, 0, 3, 1, 4]) });
    const part = (i: number): string => b.node('Gather', [turned, b.constant(int64([], [i]))], { axis: int(0) });
    const keys = b.node('Transpose', [part(1)], { perm: ints([0, 1, 3, 2]) });
    const weights = b.node('Softmax', [b.node('MatMul', [part(0), keys])], { axis: int(-1) });
    const mixed = b.node('Transpose', [b.node('MatMul', [weights, part(2)])], { perm: ints([0, 2, 1, 3]) });
    const out = net.dense(b.node('Reshape', [mixed, net.sizes(0, steps, heads * width)]), heads * width, 8);
    const pooled = b.node('ReduceMean', [b.node('Add', [x, out]), net.sizes(1)], { keepdims: int(0) });
    const { model, spaces } = await thinned(net.ended(net.dense(pooled, 8, 3)), [2, steps, 6]);
    expect(spaces.map((s) => [s.classes.length, s.width])).toContainEqual([heads, 3 * width]);
    const shapes = [...model.graph.initializers.values()].flatMap(({ value }) =>
      'data' in value && value.dtype === 'int64' && value.data.length === 5 ? [[...value.data].map(Number)] : [],
    );
    expect(shapes).toEqual([[0, steps, 3, heads / 2, width]]);
  });

  it('attention whose heads are joined with a batch of open size', async () => {
    const [heads, width, steps] = [4, 3, 5];
    const net = new Net();
    const { b } = net;
    const x = net.dense(b.input('x', 'float32', ['n', steps, 6]), 6, 8);
    // Tokens first, as torch.nn.MultiheadAttention has them.
    const rows = b.node('Transpose', [x], { perm: ints([1, 0, 2]) });
    const batch = b.node('Gather', [b.node('Shape', [rows]), b.constant(int64([1], [1]))]);
    const joined = b.node('Mul', [batch, net.sizes(heads)]);
    const sizes = b.node('Concat', [net.sizes(steps), joined, net.sizes(width)], { axis: int(0) });
    const part = (): string => {
      const all = b.node('Reshape', [net.dense(rows, 8, heads * width), sizes]);
      return b.node('Transpose', [all], { perm: ints([1, 0, 2]) });
    };
    const keys = b.node('Transpose', [part()], { perm: ints([0, 2, 1]) });
    const weights = b.node('Softmax', [b.node('MatMul', [part(), keys])], { axis: int(-1) });
    const mixed = b.node('Transpose', [b.node('MatMul', [weights, part()])], { perm: ints([1, 0, 2]) });
    const back = b.node('Concat', [net.sizes(steps), batch, net.sizes(heads * width)], { axis: int(0) });
    const out = net.dense(b.node('Reshape', [mixed, back]), heads * width, 8);
    const pooled = b.node('ReduceMean', [b.node('Add', [rows, out]), net.sizes(0)], { keepdims: int(0) });
    const whole = net.ended(net.dense(pooled, 8, 3));
    const { model, deps, spaces } = await thinned(whole, [2, steps, 6]);
    expect(spaces.map((s) => [s.classes.length, s.width])).toContainEqual([heads, width]);
    // The same model at another batch.
    const [masked, cut] = [withMaskedChannels(deps, removalOf(deps, spaces, spaces.map(odd))), model];
    const other = randomTensor([7, steps, 6], 9);
    const [expected, found] = [await outputOf(masked, other), await outputOf(cut, other)];
    expect(largestDifference(expected, found)).toBeLessThan(1e-5);
    expect(figuresOf(whole).macs! / figuresOf(model).macs!).toBeGreaterThan(2.5);
  });

  it('a class token, whose place is made from the size of the batch', async () => {
    const net = new Net();
    const { b } = net;
    const x = net.dense(b.input('x', 'float32', ['n', 4, 6]), 6, 8);
    const batch = b.node('Gather', [b.node('Shape', [x]), b.constant(int64([1], [0]))]);
    const sizes = b.node('Concat', [batch, net.sizes(1), net.sizes(8)], { axis: int(0) });
    const token = b.node('Expand', [net.weight(1, 1, 8), sizes]);
    const all = net.dense(b.node('Concat', [token, x], { axis: int(1) }), 8, 8);
    const first = b.node('Gather', [all, b.constant(int64([], [0]))], { axis: int(1) });
    const { spaces } = await thinned(net.ended(net.dense(first, 8, 3)), [2, 4, 6]);
    expect(spaces.map((s) => s.classes.length)).toEqual([8, 8]);
  });

  it('a normalisation in parts, over the channels that stay', async () => {
    const net = new Net();
    const { b } = net;
    const x = net.dense(b.input('x', 'float32', ['n', 5, 6]), 6, 8);
    const square = b.node('Pow', [x, b.constant(float32([], [2]))]);
    const mean = b.node('ReduceMean', [square, net.sizes(-1)], { keepdims: int(1) });
    const normal = b.node('Div', [x, b.node('Sqrt', [b.node('Add', [mean, b.constant(float32([], [1e-5]))])])]);
    const y = net.dense(b.node('Mul', [normal, net.weight(8)]), 8, 3);
    const { spaces } = await thinned(net.ended(y), [2, 5, 6]);
    expect(spaces).toHaveLength(1);
  });

  it('group normalisation: whole groups', async () => {
    const net = new Net();
    const x = net.conv(net.b.input('x', 'float32', ['n', 3, 4, 4]), 3, 16);
    const y = net.b.node('GroupNormalization', [x, net.weight(16), net.weight(16)], { num_groups: int(4) });
    const { model, spaces } = await thinned(net.classified(y, 16), [2, 3, 4, 4]);
    expect(spaces.map((s) => s.classes.length)).toEqual([4]);
    expect(
      attrInt(
        model.graph.nodes.find((n) => n.op === 'GroupNormalization')!,
        'num_groups',
      ),
    ).toBe(2);
  });

  it.each([
    ['LSTM', 4],
    ['GRU', 3],
    ['RNN', 1],
  ])('hidden units of a bidirectional %s with initial states', async (op, gates) => {
    const net = new Net();
    const { b } = net;
    const x = net.dense(b.input('x', 'float32', [5, 2, 6]), 6, 8);
    const states = op === 'LSTM' ? [net.weight(2, 2, 4), net.weight(2, 2, 4)] : [net.weight(2, 2, 4)];
    const inputs = [
      x,
      net.weight(2, gates * 4, 8),
      net.weight(2, gates * 4, 4),
      net.weight(2, gates * 8),
      '',
      ...states,
    ];
    const y = b.node(op, inputs, { hidden_size: int(4), direction: str('bidirectional') });
    const flat = b.node('Reshape', [b.node('Transpose', [y], { perm: ints([0, 2, 1, 3]) }), net.sizes(5, 2, 8)]);
    const { model, spaces } = await thinned(net.ended(net.dense(flat, 8, 3)), [5, 2, 6]);
    expect(spaces.map((s) => s.width)).toEqual([1, 1]);
    expect(
      attrInt(
        model.graph.nodes.find((n) => n.op === op)!,
        'hidden_size',
      ),
    ).toBe(2);
  });

  it('one weight of several layers: one decision', async () => {
    const net = new Net();
    const { b } = net;
    const w = net.weight(8, 8);
    const x = net.dense(b.input('x', 'float32', ['n', 6]), 6, 8);
    const y = b.node('MatMul', [b.node('Relu', [b.node('MatMul', [x, w])]), w]);
    const { spaces } = await thinned(net.ended(net.dense(y, 8, 3)), [2, 6]);
    expect(spaces.map((s) => [...new Set(s.producers.map((p) => p.weight))].length)).toEqual([2]);
  });

  it('pairs of QuantizeLinear and DequantizeLinear, on weights too', async () => {
    const net = new Net();
    const { b } = net;
    const codes = Int8Array.from({ length: 8 * 6 }, (_, i) => ((i * 37) % 255) - 127);
    const weight = b.constant({ dtype: 'int8', dims: [6, 8], data: codes }, 'codes');
    const scales = b.constant(
      float32(
        [8],
        Array.from({ length: 8 }, (_, i) => 0.01 + i / 100),
      ),
      'scales',
    );
    const zeros = b.constant({ dtype: 'int8', dims: [8], data: new Int8Array(8) }, 'zeros');
    const w = b.node('DequantizeLinear', [weight, scales, zeros], { axis: int(1) });
    const x = b.node('MatMul', [b.input('x', 'float32', ['n', 6]), w]);
    const pair = [b.constant(float32([], [0.05])), b.constant({ dtype: 'int8', dims: [], data: new Int8Array(1) })];
    const y = b.node('DequantizeLinear', [b.node('QuantizeLinear', [x, ...pair]), ...pair]);
    const { spaces } = await thinned(net.ended(net.dense(y, 8, 3)), [2, 6]);
    expect(spaces.map((s) => s.classes.length)).toEqual([8]);
  });

  it('rows of an embedding', async () => {
    const net = new Net();
    const table = net.weight(10, 8);
    const rows = net.b.node('Gather', [table, net.b.input('ids', 'int64', ['n', 5])]);
    const deps = await dependencies(net.ended(net.dense(rows, 8, 3)), createSession);
    const spaces = deps.spaces.filter((s) => !s.frozen);
    const ids = int64(
      [2, 5],
      Array.from({ length: 10 }, (_, i) => i),
    );
    const result = await verified(deps, spaces, spaces.map(odd), { feeds: { ids }, createSession });
    expect(result.failed).toEqual([]);
    expect(result.model.graph.initializers.get(table)!.value.dims).toEqual([10, 4]);
  });

  it('sizes that the graph reads from what is cut', async () => {
    const net = new Net();
    const { b } = net;
    const x = net.conv(b.input('x', 'float32', ['n', 3, 'h', 4]), 3, 8);
    const sizes = b.node('Shape', [x]);
    const front = b.node('Slice', [sizes, net.sizes(0), net.sizes(2)]);
    const flat = b.node('Reshape', [x, b.node('Concat', [front, net.sizes(-1)], { axis: int(0) })]);
    const pooled = b.node('ReduceMean', [flat, net.sizes(2)], { keepdims: int(0) });
    const { spaces } = await thinned(net.ended(net.dense(pooled, 8, 3)), [2, 3, 4, 4]);
    expect(spaces).toHaveLength(1);
  });
});

describe('what stays whole says why', () => {
  const conv = (finish: (net: Net, x: string) => string, input: (number | string)[] = ['n', 3, 4, 4]): Model => {
    const net = new Net();
    return net.ended(finish(net, net.conv(net.b.input('x', 'float32', input), 3, 8)));
  };

  it.each<[string, (net: Net, x: string) => string, string]>([
    ['an output', ({ b }, x) => b.node('Relu', [x]), 'it is an output of the model'],
    ['a softmax over it', ({ b }, x) => b.node('ReduceSum', [b.node('Softmax', [x], { axis: int(1) })]), "Softmax 'Softmax' works along it"],
    ['an operator without a rule', ({ b }, x) => b.node('ReduceSum', [b.node('LRN', [x], { size: int(3) })]), "no rule follows LRN 'LRN'"],
    ['an input of the model beside it', ({ b }, x) => b.node('ReduceSum', [b.node('Add', [x, b.input('z', 'float32', ['n', 8, 4, 4])])]), "Add 'Add' combines it with 'z', whose sizes stay"],
    ['a size that is computed with', ({ b }, x) => b.node('Mul', [b.node('ReduceSum', [x]), b.node('Cast', [b.node('ReduceProd', [b.node('Shape', [x])])], { to: int(1) })]), "ReduceProd 'ReduceProd' computes with its number"],
  ])('%s', async (_, finish, reason) => {
    expect(await reasons(conv(finish))).toEqual([reason]);
  }); // prettier-ignore

  it('a shape that is declared and not proven', async () => {
    const net = new Net();
    const { b } = net;
    const x = net.conv(b.input('x', 'float32', ['n', 3, 4, 4]), 3, 8);
    const flat = b.node('Reshape', [x, b.input('sizes', 'int64', [2])]);
    const model = net.ended(net.dense(flat, 128, 3));
    model.graph.values.set(flat, { name: flat, type: { kind: 'tensor', dtype: 'float32', shape: [null, 128] } });
    expect((await reasons(model))[0]).toMatch(/Reshape/);
  });
});

describe('verification', () => {
  it('leaves a removal whole that takes the wrong columns, names it and keeps the others', async () => {
    const model = decodeModel(readFileSync(new URL('cases/token_mlp.onnx', import.meta.url)));
    const deps = await dependencies(model, createSession);
    const spaces = deps.spaces.filter((s) => !s.frozen);
    // The last dense layer reads tokens one after the other; here its columns are told to stand channel by channel.
    const { index, units, values } = deps.walk;
    const rootsOf = (axis: Axis): number[] => (isLabels(axis) ? Array.from(axis, (unit) => units.find(unit)) : []);
    const repeated = (axis: Axis): boolean => new Set(rootsOf(axis)).size < rootsOf(axis).length;
    const [name, value] = [...values].find(([n, v]) => index.constant(n) && v.axes.some(repeated))!;
    const axes = value.axes.map((axis) => (repeated(axis) ? Int32Array.from(rootsOf(axis)).sort() : axis));
    values.set(name, { ...value, axes });
    const feeds = { [model.graph.inputs[0]!.name]: randomTensor([2, 5, 8]) };
    const result = await verified(deps, spaces, spaces.map(odd), { feeds, createSession });
    expect(result.failed).toHaveLength(1);
    expect(result.failed[0]!.reason).toMatch(/outputs differ by/);
    expect(result.keep.filter((k, s) => k.length < spaces[s]!.classes.length)).toHaveLength(spaces.length - 1);
    expect(figuresOf(result.model).macs).toBeLessThan(figuresOf(model).macs!);
  });

  it('is not fooled by other forms or by what is not finite', () => {
    expect(relativeDifference(float32([2], [1, 2]), float32([1, 2], [1, 2]))).toBe(Infinity);
    expect(relativeDifference(float32([2], [1, 2]), float32([2], [NaN, 2]))).toBe(Infinity);
    expect(relativeDifference(float32([2], [1, 4]), float32([2], [1, 4.004]))).toBeCloseTo(1e-3, 6);
  });
});
