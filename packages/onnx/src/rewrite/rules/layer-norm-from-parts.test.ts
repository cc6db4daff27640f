import { describe, expect, it } from 'vitest';
import { int, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Model } from '../../ir.js';
import { float32, int64, type Tensor } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { biasIntoLayerNorm } from './bias-into-layer-norm.js';
import { layerNormFromParts, layerNormWithoutScale } from './layer-norm-from-parts.js';

const WIDTH = 6;
const NEAR = { absolute: 1e-6, relative: 2e-6 };
const rules = [...layerNormFromParts, biasIntoLayerNorm];
const scalar = (b: GraphBuilder, v: number): string => b.constant(float32([], [v]));

interface Spelling {
  opset?: number;
  shape?: readonly Dim[];
  axes?: readonly number[];
  varianceAxes?: readonly number[];
  keepdims?: number;
  scale?: Tensor | null;
  bias?: Tensor | null;
  square?: 'pow' | 'mul' | 'whole';
  root?: 'sqrt' | 'pow';
  apply?: 'div' | 'reciprocal' | 'one-over' | 'power';
  epsilon?: Tensor | 'value';
  exponent?: number;
  /** What else the graph does with a part. */
  also?: (b: GraphBuilder, parts: { x: string; mean: string; centred: string; variance: string }, y: string) => string;
}

const scaleOf = (dims: readonly number[] = [WIDTH]): Tensor => randomTensor(dims, 2);

/** A layer normalisation in the parts that exporters write it in. */
function parts(s: Spelling = {}): Model {
  const { opset = 17, axes = [-1], square = 'pow', root = 'sqrt', apply = 'div' } = s;
  return network(
    s.shape ?? ['batch', 4, WIDTH],
    (b, x) => {
      const mean = (v: string, over: readonly number[]): string => {
        const keep = { keepdims: int(s.keepdims ?? 1) };
        return opset >= 18
          ? b.node('ReduceMean', [v, b.constant(int64([over.length], [...over]))], keep)
          : b.node('ReduceMean', [v], { axes: ints(over), ...keep });
      };
      const centre = mean(x, axes);
      const centred = b.node('Sub', [x, centre]);
      const exponent = square === 'whole' ? b.constant(int64([], [2])) : scalar(b, s.exponent ?? 2);
      const squared = square === 'mul' ? b.node('Mul', [centred, centred]) : b.node('Pow', [centred, exponent]);
      const variance = mean(squared, s.varianceAxes ?? axes);
      const epsilon =
        s.epsilon === 'value'
          ? b.node('Abs', [b.node('ReduceMin', [x], { keepdims: int(0) })])
          : b.constant(s.epsilon ?? float32([], [1e-5]));
      const raised = b.node('Add', apply === 'div' ? [variance, epsilon] : [epsilon, variance]);
      const deviation = (): string =>
        root === 'sqrt' ? b.node('Sqrt', [raised]) : b.node('Pow', [raised, scalar(b, 0.5)]);
      const inverse = {
        div: () => '',
        reciprocal: () => b.node('Reciprocal', [deviation()]),
        'one-over': () => b.node('Div', [scalar(b, 1), deviation()]),
        power: () => b.node('Pow', [raised, scalar(b, -0.5)]),
      }[apply]();
      let y = inverse === '' ? b.node('Div', [centred, deviation()]) : b.node('Mul', [inverse, centred]);
      if (s.scale !== null) y = b.node('Mul', [b.initializer('scale', s.scale ?? scaleOf()), y]);
      if (s.bias !== null) y = b.node('Add', [y, b.initializer('bias', s.bias ?? randomTensor([WIDTH], 3))]);
      return s.also ? s.also(b, { x, mean: centre, centred, variance }, y) : y;
    },
    { opset },
  );
}

/** x * gain + (bias - mean * gain), or without a bias. */
function gained(order: 'product-first' | 'division', biased: boolean): Model {
  return network(['batch', 4, WIDTH], (b, x) => {
    const mean = b.node('ReduceMean', [x, b.constant(int64([1], [-1]))]);
    const centred = b.node('Sub', [x, mean]);
    const variance = b.node('ReduceMean', [b.node('Mul', [centred, centred]), b.constant(int64([1], [2]))]);
    const deviation = b.node('Sqrt', [b.node('Add', [variance, scalar(b, 1e-3)])]);
    const scale = b.initializer('scale', scaleOf());
    const gain =
      order === 'division'
        ? b.node('Div', [scale, deviation])
        : b.node('Mul', [b.node('Reciprocal', [deviation]), scale]);
    const [product, shift] = [b.node('Mul', [x, gain]), b.node('Mul', [mean, gain])];
    if (!biased) return b.node('Sub', [product, shift]);
    return b.node('Add', [product, b.node('Sub', [b.initializer('bias', randomTensor([WIDTH], 3)), shift])]);
  });
}

async function becomes(model: Model, names: readonly string[]): Promise<Model> {
  const { model: result } = rewritten(model, rules);
  expect(ops(result)).toEqual(names);
  await expectSameNumbers(model, result, NEAR, { dims: { batch: 3 } });
  return result;
}

describe('layer-norm-from-parts', () => {
  it.each<Spelling>([
    {},
    { opset: 18 },
    { square: 'mul', apply: 'reciprocal' },
    { square: 'whole', root: 'pow' },
    { apply: 'one-over', epsilon: float32([1], [1e-3]) },
    { apply: 'power' },
    { bias: null },
    { shape: ['batch', WIDTH], axes: [1] },
    { scale: scaleOf([1, 1, WIDTH]), bias: scaleOf([1, WIDTH]) },
    {
      shape: ['batch', 3, 4, WIDTH],
      axes: [2, 3],
      varianceAxes: [-1, -2],
      scale: scaleOf([4, WIDTH]),
      bias: scaleOf([4, WIDTH]),
    },
  ])('%o', async (spelling) => {
    const result = await becomes(parts(spelling), ['LayerNormalization']);
    expect(result.graph.nodes[0]!.inputs).toHaveLength(spelling.bias === null ? 2 : 3);
  });

  it.each(['product-first', 'division'] as const)('the gain put on x and on the mean: %s', async (order) => {
    await becomes(gained(order, true), ['LayerNormalization']);
    await becomes(gained(order, false), ['LayerNormalization']);
  });

  it('scale and bias stay under their names', () => {
    const { graph } = rewritten(parts(), rules).model;
    expect(graph.nodes[0]!.inputs.slice(1)).toEqual(['scale', 'bias']);
  });

  it('without a scale ones are put in its place, where that is asked for', async () => {
    for (const shape of [
      ['batch', WIDTH],
      ['batch', 2, WIDTH],
    ] as const) {
      const model = parts({ shape, scale: null, bias: null });
      expect(rewritten(model, rules).fired).toEqual([]);
      const { model: result } = rewritten(model, layerNormWithoutScale);
      expect(ops(result)).toEqual(['LayerNormalization']);
      await expectSameNumbers(model, result, NEAR, { dims: { batch: 3 } });
    }
  });

  it.each<[string, Spelling, RegExp]>([
    ['a lower operator set', { opset: 16 }, /operator set 16/],
    ['another axis', { axes: [1], scale: randomTensor([1], 2), bias: null }, /not taken over the last axes/],
    ['two axes', { axes: [-1], varianceAxes: [1, 2], bias: null }, /different axes/],
    ['epsilon that is computed', { epsilon: 'value', bias: null }, /./],
    ['epsilon of many numbers', { epsilon: randomTensor([4, 1], 5), bias: null }, /epsilon/],
    ['epsilon below 0', { epsilon: float32([], [-1e-5]), bias: null }, /epsilon/],
    ['another exponent', { exponent: 4, bias: null }, /is not 2/],
    ['a scale for each row', { scale: randomTensor([4, 1], 2), bias: null }, /each element of a row/],
    [
      'a scale that widens',
      { shape: [WIDTH], axes: [0], scale: randomTensor([3, WIDTH], 2), bias: null },
      /each element/,
    ],
    ['a scale for all', { scale: float32([], [2]), bias: null }, /each element of a row/],
    ['an open width', { shape: ['batch', 'width'], scale: float32([1], [2]), bias: null }, /open/],
    ['a mean that is read', { also: (b, p, y) => b.node('Add', [y, p.mean]) }, /\(ReduceMean\) is read elsewhere/],
    ['a difference that is read', { also: (b, p, y) => b.node('Mul', [y, p.centred]) }, /\(Sub\) is read elsewhere/],
    ['a variance that is given', { also: (b, p, y) => (b.output(p.variance, null, null), y) }, /elsewhere/],
  ])('leaves %s', (_, spelling, reason) => {
    const { fired, declined } = rewritten(parts(spelling), rules);
    expect(fired).toEqual([]);
    if (spelling.epsilon !== 'value') expect(declined.map((d) => d.reason).join()).toMatch(reason);
  });

  it('leaves means without kept axes', () => {
    expect(rewritten(parts({ shape: [WIDTH], axes: [0], keepdims: 0, bias: null }), rules).fired).toEqual([]);
  });
});

describe('bias-into-layer-norm', () => {
  const norm = (body: (b: GraphBuilder, y: string) => string): Model =>
    network(['batch', 4, WIDTH], (b, x) =>
      body(b, b.node('LayerNormalization', [x, b.initializer('scale', scaleOf())])),
    );

  it('takes in a row', async () => {
    const model = norm((b, y) => b.node('Add', [b.constant(randomTensor([1, WIDTH], 4)), y]));
    await becomes(model, ['LayerNormalization']);
  });

  it('leaves another width, a result that is read elsewhere, and a norm with a bias', () => {
    const other = norm((b, y) => b.node('Add', [y, b.constant(randomTensor([4, 1], 4))]));
    const read = norm((b, y) => b.node('Mul', [y, b.node('Add', [y, b.constant(randomTensor([WIDTH], 4))])]));
    const biased = network(['batch', WIDTH], (b, x) => {
      const row = (seed: number): string => b.constant(randomTensor([WIDTH], seed));
      return b.node('Add', [b.node('LayerNormalization', [x, row(1), row(2)]), row(3)]);
    });
    for (const model of [other, read, biased]) expect(rewritten(model, rules).fired).toEqual([]);
  });
});
