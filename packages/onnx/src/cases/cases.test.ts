import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tensorOverBytes } from '../datatypes.js';
import { createSession } from '../conformance/executor.js';
import {
  chainStages,
  decodeModel,
  encodeModel,
  fedInputs,
  normalise,
  openSizes,
  partition,
  randomFeeds,
  simplify,
  summarize,
  type Model,
} from '../index.js';
import type { Tensor } from '../tensor.js';
import { DRAWN, EXCEPTIONS, NEVER_RUN, RANDOM, type Verb } from './exceptions.js';
import { difference, resultsOf, shapesOnly, type Values } from './numbers.js';
import { parseNpz } from './npz.js';

const folder = new URL('models/', import.meta.url);
const read = (file: string): Buffer => readFileSync(new URL(file, folder));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.slice(0, -'.onnx'.length))
  .sort();
const RELATIVE = 1e-5;

/** Runs a verb, which must refuse the case in the words of the table of exceptions, or must not refuse it. */
async function answer<T>(name: string, verb: Verb, run: () => T | Promise<T>): Promise<T | null> {
  const exception = EXCEPTIONS[name]?.[verb];
  if (!exception) return run();
  await expect((async () => run())()).rejects.toThrow(exception.says);
  return null;
}

/** Axis 0 of all inputs that leave it open under one name with the first of them, twice as long; null where there is none. */
function twice(model: Model, feeds: Values): Values | null {
  const opens = new Map<string, string | null>();
  for (const { name, type } of model.graph.inputs) {
    const d = type?.kind === 'tensor' ? type.shape?.[0] : 0;
    if (typeof d !== 'number' && d !== undefined && feeds[name]) opens.set(name, d);
  }
  const [first] = opens.values();
  if (first === undefined) return null;
  const double = ({ dtype, dims, data }: Tensor): Tensor => {
    const size = [dims[0]! * 2, ...dims.slice(1)];
    if (data instanceof Array) return { dtype, dims: size, data: [...data, ...data] } as Tensor;
    const all = new Uint8Array(data.byteLength * 2);
    const once = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    all.set(once);
    all.set(once, once.length);
    return tensorOverBytes(dtype as Exclude<typeof dtype, 'string'>, size, all);
  };
  const entries = Object.entries(feeds).map(([name, t]) => [name, opens.get(name) === first ? double(t) : t] as const);
  return Object.fromEntries(entries);
}

async function chained(model: Model, stages: number, feeds: Values): Promise<Values> {
  const parts = partition(model, { stages }).stages;
  const session = await chainStages(model, parts, createSession, { optimization: 'disabled' });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

describe('small models as files in the wild are', () => {
  let larger = 0;

  it.each(names)('%s', async (name) => {
    const bytes = new Uint8Array(read(`${name}.onnx`));
    const file = decodeModel(bytes);
    const before = encodeModel(file);
    const summary = await answer(name, 'summarize', () => summarize(file));
    expect(summary?.nodes).toBe(file.graph.nodes.length);
    const { model } = normalise(file);
    const simplified = await answer(name, 'simplify', () => simplify(file, createSession, { verify: false }));
    const verified = await answer(name, 'verify', () => simplify(file, createSession));
    if (verified && simplified) {
      expect(encodeModel(verified.model)).toEqual(encodeModel(simplified.model));
      expect(verified.comparison!.outputs.length).toBeGreaterThan(0);
    }
    // Verbs work on what they are given, which stays as it was.
    expect(encodeModel(file)).toEqual(before);
    const placed = partitionable(model);
    const stages = await answer(name, 'partition', () => partition(file, { stages: Math.min(2, placed) || 1 }));

    if (name === NEVER_RUN) return;
    const drawn = DRAWN[name];
    const inputs = drawn ? randomFeeds(model, { dims: atSize(model, drawn) }) : parseNpz(read(`${name}.npz`));
    const same = (expected: Values, actual: Values): string =>
      RANDOM.has(name)
        ? difference(shapesOnly(expected), shapesOnly(actual), 0)
        : difference(expected, actual, RELATIVE);
    const given = await resultsOf(file, inputs);
    expect(same(given, await resultsOf(model, inputs))).toBe('');
    if (simplified) expect(same(given, await resultsOf(simplified.model, inputs))).toBe('');
    const plain = model.graph.outputs.every(({ type }) => type?.kind === 'tensor');
    if (stages && plain) expect(same(given, await chained(model, stages.stages.length, inputs))).toBe('');

    const more = twice(model, inputs);
    const others = more && (await resultsOf(file, more).catch(() => null));
    if (!others) return;
    larger++;
    if (simplified) expect(same(others, await resultsOf(simplified.model, more))).toBe('');
    if (stages && plain) expect(same(others, await chained(model, stages.stages.length, more))).toBe('');
  });

  it('run at a larger batch where they leave it open', () => {
    expect(larger).toBeGreaterThanOrEqual(20);
    expect(names.length).toBe(137);
  });
});

/** Every open size of the inputs at one number. */
const atSize = (model: Model, size: number): Record<string, number> =>
  Object.fromEntries([...openSizes(fedInputs(model)).keys()].map((key) => [key, size]));

/** Nodes that depend on an input, as far as 2 stages need them. */
function partitionable(model: Model): number {
  try {
    partition(model, { stages: 2 });
    return 2;
  } catch (error) {
    return Number(/2 stages for (\d+) nodes/.exec(String(error))?.[1] ?? 2);
  }
}
