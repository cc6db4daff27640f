import { fileURLToPath } from 'node:url';
import { loadDigits, splitSamples, type Samples } from '@verge/data';
import {
  assertLegal,
  decodeModel,
  encodeModel,
  float16Bits,
  float16Value,
  float32,
  GraphBuilder,
  graphAttr,
  int,
  type Model,
  tensorInfo,
} from '@verge/onnx';
import { createSession, optimizedModel } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { describe, expect, it } from 'vitest';
import { arithmeticOf } from '../../measure/arithmetic.js';
import { decibels, outputWith, randomIds, randomTensor, tokenNetwork } from '../../test-models.js';
import type { PassContext } from '../pass.js';
import { float16, type Float16Options } from './float16.js';

const digits = fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url));
const data = splitSamples(await loadDigits(digits));
const context: PassContext = { createSession, ...data };
const weights: Float16Options = { mode: 'weights', samples: 32, keep: [] };
const all: Float16Options = { ...weights, mode: 'all' };
const outputOf = outputWith(createSession);
const opsOf = async (model: Model): Promise<string[]> =>
  decodeModel(await optimizedModel(encodeModel(model))).graph.nodes.map((n) => n.op);

const trained = (
  await fit({
    ...{ model: buildArchitecture('resnet', { input: [1, 8, 8], classes: 10 }), createSession },
    ...{ train: data.train, validation: data.validation, epochs: 3 },
    optimizer: { name: 'adamw', learningRate: 0.005 },
  })
).model;
const accuracy = async (m: Model): Promise<number> =>
  score(await predict(m, data.test, createSession), data.test.y).accuracy;
const images = float32([100, 1, 8, 8], data.test.x.slice(0, 6400) as Float32Array);

/** What a sample of one input of numbers is, for networks of their own. */
const noise = (shape: number[], scale = 1): Samples => ({
  x: randomTensor([16, ...shape]).data.map((v) => v * scale),
  shape,
  y: new Int32Array(16),
  labels: [],
  name: 'noise',
});

describe('float16 of weights', () => {
  it('halves the file and gives what the rounded weights give, with the same kernels', async () => {
    const made = await float16(trained, weights, context);
    assertLegal(made.model);
    expect(encodeModel(made.model).byteLength).toBeLessThan(0.56 * encodeModel(trained).byteLength);
    const rounded = decodeModel(encodeModel(trained));
    let changed = 0;
    for (const { value } of rounded.graph.initializers.values())
      if (value.dtype === 'float32' && 'data' in value && value.data.length >= 64) {
        changed++;
        value.data.forEach((v, i) => (value.data[i] = float16Value(float16Bits(v))));
      }
    expect(made.changes['weights']).toBe(changed);
    expect(await outputOf(made.model, images)).toEqual(await outputOf(rounded, images));
    expect(await opsOf(made.model)).toEqual(await opsOf(trained));
    // Nothing is computed in halves.
    expect(arithmeticOf(made.model)).toBe('float32');
  });

  it('leaves what float16 cannot hold, and says so', async () => {
    const g = new GraphBuilder();
    let x = g.input('x', 'float32', ['n', 16]);
    for (const [name, factor] of Object.entries({ fits: 1, large: 1e6, small: 1e-9, kept: 1, mixed: 1e-5 })) {
      const w = randomTensor([16, 16], name.length);
      const of = name === 'mixed' ? (v: number, i: number) => (i % 2 ? v : v * 1e-9) : (v: number) => v * factor;
      x = g.node('MatMul', [x, g.initializer(name, float32([16, 16], w.data.map(of)))], {}, 1, { name: `by ${name}` });
    }
    g.output(x, 'float32', null);
    const made = await float16(g.build(), { ...weights, keep: ['by kept'] }, context);
    expect(made.declined.map(({ node, reason }) => [node, reason.replace(/[\d.]+e\+5/, 'L')])).toEqual([
      ['large', 'it reaches L, float16 ends at 65,504'],
      ['small', 'all of it is too small for float16'],
      ['kept', "the recipe keeps 'by kept', which reads it"],
    ]);
    expect(made.changes).toEqual({ weights: 2, vanished: 128 });
    await expect(float16(g.build(), { ...weights, keep: ['by all'] }, context)).rejects.toMatchObject({
      problems: ["keep: there is no node 'by all'"],
    });
  });
});

describe('float16 of everything', () => {
  it('computes a trained network in halves between float32 inputs and outputs', async () => {
    const made = await float16(trained, all, context);
    assertLegal(made.model);
    expect(made.declined).toEqual([]);
    expect(made.changes).toMatchObject({ nodesKept: 0, nodesOutOfRange: 0, casts: 2 });
    expect(made.model.graph.inputs).toEqual(trained.graph.inputs);
    expect(made.model.graph.outputs).toEqual(trained.graph.outputs);
    expect(arithmeticOf(made.model)).toBe('float16');
    // 11 bits of each number are 6 dB each; sums of many lose a few of them.
    expect(decibels(await outputOf(trained, images), await outputOf(made.model, images))).toBeGreaterThan(50);
    expect(Math.abs((await accuracy(made.model)) - (await accuracy(trained)))).toBeLessThan(0.006);
  });

  it('computes attention over token ids', async () => {
    const source = tokenNetwork();
    const ids = randomIds([16, 8]);
    const train: Samples = { x: Float32Array.from(ids.data, Number), shape: [8], y: new Int32Array(16), labels: [], name: 'ids' }; // prettier-ignore
    const made = await float16(source, all, { ...context, train });
    expect(made.declined).toEqual([]);
    expect(decibels(await outputOf(source, ids), await outputOf(made.model, ids))).toBeGreaterThan(50);
  });

  it('keeps in float32 what reaches beyond float16 on the samples, and computes right around it', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['n', 8]);
    const weight = (name: string, scale: number, seed: number): string =>
      g.initializer(name, float32([8, 8], randomTensor([8, 8], seed).data.map((v) => v * scale))); // prettier-ignore
    const small = g.node('MatMul', [x, weight('a', 1, 1)], {}, 1, { name: 'before' });
    const large = g.node('MatMul', [small, weight('b', 30_000, 2)], {}, 1, { name: 'large' });
    const back = g.node('MatMul', [large, weight('c', 1e-4, 3)], {}, 1, { name: 'back' });
    g.output(g.node('Tanh', [back], {}, 1, { name: 'after' }), 'float32', null);
    const source = g.build();
    const made = await float16(source, all, { ...context, train: noise([8], 4) });
    expect(made.changes).toMatchObject({ nodes: 2, nodesKept: 2, nodesOutOfRange: 2 });
    expect(made.declined.map((d) => d.node)).toEqual(['large', 'back']);
    expect(made.declined[0]!.reason).toMatch(/reaches [\d.e+]+ on the samples/);
    const input = float32([16, 8], noise([8], 4).x as Float32Array);
    expect(decibels(await outputOf(source, input), await outputOf(made.model, input))).toBeGreaterThan(40);
  });

  it('asks for the size of a half, without making a float of it', async () => {
    const g = new GraphBuilder();
    const positive = g.node('Relu', [g.input('x', 'float32', ['n', 4])]);
    const flat = g.node('Reshape', [g.node('Transpose', [positive]), g.node('Shape', [positive])]);
    g.output(g.node('Neg', [flat]), 'float32', null);
    const made = await float16(g.build(), all, { ...context, train: noise([4]) });
    assertLegal(made.model);
    expect(made.declined).toEqual([]);
    expect(made.changes).toMatchObject({ nodes: 4, casts: 2 });
    const input = float32([16, 4], noise([4]).x as Float32Array);
    expect(decibels(await outputOf(g.build(), input), await outputOf(made.model, input))).toBeGreaterThan(60);
  });

  it('keeps angles, whole numbers, branches, constants that would vanish and operators without halves in float32', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['n', 4]);
    const constant = (name: string, value: number): string => g.initializer(name, float32([1], [value]));
    const angle = g.node('Sin', [g.node('Mul', [x, constant('turns', 100)], {}, 1, { name: 'angle' })], {}, 1, { name: 'sine' }); // prettier-ignore
    const safe = g.node('Add', [angle, constant('epsilon', 1e-12)], {}, 1, { name: 'safe' });
    const whole = g.node('Cast', [g.node('Floor', [g.node('Add', [angle, constant('many', 3000)], {}, 1, { name: 'add' })], {}, 1, { name: 'floor' })], { to: int(7) }); // prettier-ignore
    const scaled = g.node('Mul', [safe, g.node('Cast', [whole], { to: int(1) })], {}, 1, { name: 'scaled' });
    const branch = (op: string): Model['graph'] => {
      const inner = new GraphBuilder();
      inner.graph.outputs.push(tensorInfo(inner.node(op, [scaled], {}, 1, { name: `in ${op}` }), 'float32', null));
      inner.graph.name = op;
      return inner.graph;
    };
    const yes = g.initializer('yes', { dtype: 'bool', dims: [], data: Uint8Array.of(1) });
    const chosen = g.node('If', [yes], { then_branch: graphAttr(branch('Abs')), else_branch: graphAttr(branch('Neg')) }, 1, { name: 'branch' }); // prettier-ignore
    const sum = g.node('CumSum', [chosen, g.initializer('axis', { dtype: 'int64', dims: [], data: BigInt64Array.of(1n) })], {}, 1, { name: 'running' }); // prettier-ignore
    g.output(g.node('Sigmoid', [sum], {}, 1, { name: 'last' }), 'float32', null);
    const source = g.build();
    const made = await float16(source, all, { ...context, train: noise([4]) });
    assertLegal(made.model);
    const told = Object.fromEntries(made.declined.map((d) => [d.node, d.reason]));
    expect(told).toEqual({
      angle: expect.stringMatching(/angles or whole numbers/),
      add: expect.stringMatching(/angles or whole numbers/),
      floor: 'Floor is computed in float32',
      safe: "'epsilon' is too small for float16",
      sine: 'Sin is computed in float32',
      branch: 'what stands in branches and loops stays in float32',
      running: 'CumSum is computed in float32',
    });
    const input = float32([16, 4], noise([4]).x as Float32Array);
    expect(decibels(await outputOf(source, input), await outputOf(made.model, input))).toBeGreaterThan(40);
  });
});
