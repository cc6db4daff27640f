import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, simplify, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { findStatistics, floatsOf } from '../parameters.js';
import { Random } from '../random.js';
import { separateParameters } from './form.js';
import { freeze } from './layers.js';
import { oneStep } from './one-step.js';
import { describeParameters } from './report.js';

const read = (name: string): Model => decodeModel(readFileSync(new URL(`cases/${name}.onnx`, import.meta.url)));

/** Weights with values of their own, biases of 0 and scales of 1. */
class Fresh {
  readonly b = new GraphBuilder();
  readonly #random = new Random(7, 'untie');

  weight(name: string, ...dims: number[]): string {
    const size = dims.reduce((a, d) => a * d, 1);
    const data = Float32Array.from({ length: size }, () => this.#random.uniform(-1, 1));
    return this.b.initializer(name, float32(dims, data));
  }

  all(name: string, value: number, ...dims: number[]): string {
    return this.b.initializer(name, float32(dims, new Float32Array(dims.reduce((a, d) => a * d, 1)).fill(value)));
  }

  build(output: string, width: number): Model {
    this.b.output(output, 'float32', ['n', width]);
    return this.b.build({ opset: 17 });
  }
}

const moving = (lines: readonly { name: string; fate: string }[]): string[] =>
  lines.filter((l) => l.fate === 'moves').map((l) => l.name);

describe('what an exporter merged through an Identity', () => {
  it('is trained apart: each parameter takes the step of its own gradient', async () => {
    const { result, errors } = await oneStep(read('train_tied_identity'), createSession, [4]);
    expect(moving(result.parameters).sort()).toEqual(['b0', 'b1', 'w0', 'w1']);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    expect(floatsOf(result.model.graph.initializers.get('b0'))).not.toEqual(
      floatsOf(result.model.graph.initializers.get('b1')),
    );
    expect(result.parameters.find((p) => p.name === 'b1')).toMatchObject({ untiedFrom: 'b0', fate: 'moves' });
    expect(describeParameters(result.parameters).join('\n')).toContain('b1 (was b0)');
    // The file can be decoded, run and frozen by either name.
    expect(await createSession(result.bytes).then((s) => s.release())).toBeUndefined();
    expect(['b0', 'b1'].map(freeze(read('train_tied_identity'), ['b1']))).toEqual([true, false]);
  });

  it('keeps its name where an Identity is the only reader, and chains are followed', () => {
    const f = new Fresh();
    const x = f.b.input('x', 'float32', ['n', 4]);
    const bias = f.all('bias', 0.5, 4);
    const chain = f.b.node('Identity', [f.b.node('Identity', [bias])]);
    const { model, untied } = separateParameters(f.build(f.b.node('Gemm', [x, f.weight('w', 4, 4), chain]), 4));
    expect(untied).toEqual([]);
    expect(model.graph.nodes.map((n) => [n.op, n.inputs])).toEqual([['Gemm', ['x', 'w', 'bias']]]);
  });

  it('finds running statistics behind it', async () => {
    const f = new Fresh();
    const x = f.b.input('x', 'float32', ['n', 4]);
    const [zero, one] = [f.all('zero', 0, 4), f.all('one', 1, 4)];
    const same = (name: string): string => f.b.node('Identity', [name]);
    const norm = f.b.node('BatchNormalization', [x, one, zero, same(zero), same(one)]);
    const { result } = await oneStep(f.build(f.b.node('MatMul', [norm, f.weight('w', 4, 2)]), 2), createSession, [4]);
    expect(moving(result.parameters).sort()).toEqual(['one', 'w', 'zero']);
    const statistics = findStatistics(result.model.graph);
    expect(result.parameters.filter((p) => p.fate === 'left-out').map((p) => p.name)).toEqual(statistics);
    for (const name of statistics) expect(new Set(floatsOf(result.model.graph.initializers.get(name))).size).toBe(4);
    expect(new Set(floatsOf(result.model.graph.initializers.get('one')))).not.toEqual(new Set([1]));
  });
});

describe('what an optimiser merged because it was equal', () => {
  it('is trained apart after simplify for inference, and simplify leaves it apart by itself', async () => {
    const given = read('train_fresh_bn_then_simplify');
    const apart = (await simplify(given, createSession)).model;
    expect(moving((await oneStep(apart, createSession, [4])).result.parameters).sort()).toEqual(
      ['b', 'b1', 'b2', 's', 'w1', 'w2'].sort(),
    );
    const merged = (await simplify(given, createSession, { forInference: true })).model;
    expect(merged.graph.initializers.size).toBe(4);
    const { result, errors } = await oneStep(merged, createSession, [4], { mode: 'eval' });
    expect(moving(result.parameters)).toHaveLength(6);
    expect(errors.size).toBe(6);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    const trained = (await oneStep(merged, createSession, [4])).result;
    expect(trained.parameters.filter((p) => p.fate === 'left-out')).toHaveLength(2);
    for (const name of findStatistics(trained.model.graph))
      expect(new Set(floatsOf(trained.model.graph.initializers.get(name))).size).toBeGreaterThan(1);
  });

  it('belongs to the layers whose weights tell them apart; both norms of one value are two', () => {
    const f = new Fresh();
    const x = f.b.input('x', 'float32', ['n', 4]);
    const [zero, one] = [f.all('zero', 0, 4), f.all('one', 1, 4)];
    const norm = (value: string): string => f.b.node('LayerNormalization', [value, one, zero]);
    const first = norm(f.b.node('Gemm', [x, f.weight('w1', 4, 4), zero]));
    const second = f.b.node('Gemm', [first, f.weight('w2', 4, 4), zero]);
    const sum = f.b.node('Sub', [norm(second), norm(f.b.node('Tanh', [second]))]);
    const { model, untied } = separateParameters(f.build(sum, 4));
    expect(model.graph.initializers.size).toBe(2 + 3 + 5);
    expect(untied.map((u) => u.because)).toEqual(Array.from({ length: 6 }, () => 'equal values'));
    const parallel = new Fresh();
    const input = parallel.b.input('x', 'float32', ['n', 4]);
    const [z, o] = [parallel.all('zero', 0, 4), parallel.all('one', 1, 4)];
    const both = parallel.b.node('Gemm', [input, parallel.weight('w', 4, 4)]);
    const ofBoth = [both, both].map((v) => parallel.b.node('LayerNormalization', [v, o, z]));
    const product = parallel.b.node('Mul', ofBoth);
    expect(separateParameters(parallel.build(product, 4)).model.graph.initializers.size).toBe(5);
  });
});

describe('what is truly tied', () => {
  /** Two branches through one tower with a fresh bias and a fresh normalisation. */
  function siamese(): Model {
    const f = new Fresh();
    const x = f.b.input('x', 'float32', ['n', 8]);
    const [w, bias, one, zero] = [f.weight('w', 4, 4), f.all('b', 0, 4), f.all('g', 1, 4), f.all('s', 0, 4)];
    const halves = f.b.node('Split', [x, f.b.initializer('sizes', int64([2], [4, 4]))], { axis: int(1) }, 2);
    const tower = (half: string): string =>
      f.b.node('LayerNormalization', [f.b.node('Gemm', [half, w, bias]), one, zero]);
    return f.build(f.b.node('Mul', halves.map(tower)), 4);
  }

  it('stays one parameter with the sum of the gradients, and is said', async () => {
    const given = siamese();
    expect(separateParameters(given).model).toBe(given);
    const { result, errors } = await oneStep(given, createSession, [8]);
    expect(moving(result.parameters)).toEqual(['w', 'b', 'g', 's']);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    expect(result.parameters.every((p) => p.readers === 2)).toBe(true);
    expect(describeParameters(result.parameters).join('\n')).toContain('shared, trained as one: w (2 readers)');
  });

  it('is an embedding that is also the output projection', () => {
    const f = new Fresh();
    const ids = f.b.input('ids', 'int64', ['n', 3]);
    const table = f.weight('table', 6, 4);
    const words = f.b.node('ReduceMean', [f.b.node('Gather', [table, ids])], {
      axes: { kind: 'ints', value: [1n] },
      keepdims: int(0),
    });
    const logits = f.b.node('MatMul', [words, f.b.node('Transpose', [table])]);
    const model = f.build(logits, 6);
    expect(separateParameters(model)).toEqual({ model, untied: [], repairs: [] });
  });

  it('is separated where it is asked for', () => {
    const { model, untied } = separateParameters(siamese(), ['w', 'b']);
    expect(untied).toEqual([
      { name: 'w.1', from: 'w', because: 'asked for' },
      { name: 'b.1', from: 'b', because: 'asked for' },
    ]);
    expect(encodeModel(model).length).toBeGreaterThan(encodeModel(siamese()).length);
  });
});
