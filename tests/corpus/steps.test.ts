/**
 * One step of SGD of networks as torch.onnx writes them, against PyTorch's in double precision (steps.py): in the full tests, where
 * VERGE_CORPUS names the folder. BatchNormalization uses the batch on both sides.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NpyArray, readNpzArrays } from '@verge/data';
import { decodeModel, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '@verge/training';
import { describe, expect, it } from 'vitest';

const folder = join(process.env['VERGE_CORPUS'] ?? '', 'steps');
const runs = Boolean(process.env['VERGE_CORPUS'] && process.env['VERGE_TEST_FULL'] && existsSync(folder));
const names = runs ? readdirSync(folder).flatMap((file) => (file.endsWith('.npz') ? [file.slice(0, -4)] : [])) : [];

type Arrays = ReadonlyMap<string, NpyArray>;
const numbers = (data: unknown): Float64Array => Float64Array.from(data as ArrayLike<number | bigint>, Number);
const held = (arrays: Arrays, key: string): Float64Array => numbers(arrays.get(key)!.data);

/** Orders of adding up: as `fit` does it by itself, in standard operators alone, and with the samples in reverse. */
const ORDERS = [{}, { block: 0 }, { reverse: true }] as const;

/** The rows of an array one by one, the last one first. */
function reversed(values: Float64Array, rows: number): Float64Array {
  const width = values.length / rows;
  return values.map((_, i) => values[(rows - 1 - Math.floor(i / width)) * width + (i % width)]!);
}

/** The step of ours, and what it made of the loss. */
async function stepped(
  model: Model,
  arrays: Arrays,
  { reverse = false, ...order }: { block?: number; reverse?: boolean },
): Promise<{ model: Model; loss: number }> {
  const { dims, data } = arrays.get('x')!;
  const [rows, ...shape] = dims as [number, ...number[]];
  const ids = !data.constructor.name.startsWith('Float');
  const ordered = (values: Float64Array): Float64Array => (reverse ? reversed(values, rows) : values);
  const given = ordered(numbers(data));
  const x = ids ? Int32Array.from(given) : Float32Array.from(given);
  const targets = Float32Array.from(ordered(held(arrays, 'target')));
  const samples = { x, shape, y: new Int32Array(rows), targets };
  const result = await fit({
    ...{ model, createSession, train: samples, validation: samples, epochs: 1, batchSize: rows, keep: 'last' },
    ...{ loss: { kind: 'mse' }, schedule: { name: 'constant' }, ...order },
    optimizer: { name: 'sgd', learningRate: held(arrays, 'rate')[0]! },
  });
  return { model: result.model, loss: result.history[0]!.trainLoss };
}

/** The numbers of a parameter; torch.onnx writes one that equals another at the start as an Identity of it, which bears its name. */
function stored(model: Model, name: string): Float64Array | null {
  const value = model.graph.initializers.get(name)?.value;
  if (value) return 'data' in value ? numbers(value.data) : null;
  const copy = model.graph.nodes.find((node) => node.op === 'Identity' && node.outputs[0] === name);
  return copy ? stored(model, copy.inputs[0]!) : null;
}

interface Update {
  readonly name: string;
  /** Largest |difference| from PyTorch's, without what float32 rounds when the parameter is stored. */
  readonly apart: number;
  /** Largest |update|. */
  readonly moved: number;
  /** What PyTorch's float32 is off, over `moved`; null where the gradient is next to 0 by mathematics (STILL in steps.py). */
  readonly single: number | null;
}

function updateOf(name: string, was: Float64Array, is: Float64Array, arrays: Arrays): Update {
  const wanted = held(arrays, `after/${name}`);
  let [apart, moved] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    apart = Math.max(apart, Math.abs(is[i]! - wanted[i]!) - 2 ** -24 * Math.abs(wanted[i]!));
    moved = Math.max(moved, Math.abs(wanted[i]! - was[i]!));
  }
  return { name, apart, moved, single: arrays.has(`single/${name}`) ? held(arrays, `single/${name}`)[0]! : null };
}

/** Of the largest update of a parameter. */
const TOLERANCE = 1e-4;
/** Of the largest update of the network, for parameters whose gradient is next to 0 by mathematics: sums of up to 25,000 numbers that cancel. */
const STILL = 1e-5;
/** PyTorch's float32 steps tell whether float32 determines the step at all (ENOUGH in steps.py). */
const DETERMINED = 5e-5;

interface Found {
  readonly parameters: number;
  readonly still: number;
  /** The largest difference of a parameter from PyTorch's, over its update, and PyTorch's own in float32. */
  readonly worst: number;
  readonly single: number;
  readonly wrong: readonly string[];
}

/** A step of ours against PyTorch's. */
async function compared(model: Model, arrays: Arrays, order: (typeof ORDERS)[number]): Promise<Found> {
  const after = await stepped(model, arrays, order);
  expect(after.loss / held(arrays, 'loss')[0]!).toBeCloseTo(1, 4);
  const updates: Update[] = [];
  const wrong: string[] = [];
  for (const key of arrays.keys()) {
    if (!key.startsWith('after/')) continue;
    const parameter = key.slice('after/'.length);
    const [was, is] = [stored(model, parameter), stored(after.model, parameter)];
    if (was && is) updates.push(updateOf(parameter, was, is, arrays));
    else wrong.push(`${parameter}: not in the file`);
  }
  const most = Math.max(...updates.map(({ moved }) => moved));
  const moving = updates.filter(({ single }) => single !== null);
  const single = Math.max(...moving.map((u) => u.single!));
  const worst = Math.max(...moving.map(({ apart, moved }) => apart / moved));
  // Where float32 does not determine the step, four times what PyTorch's own is off.
  const allowed = single <= DETERMINED ? TOLERANCE : Math.max(TOLERANCE, 4 * single);
  for (const { name, apart, moved, single: own } of updates) {
    if (own === null ? apart > STILL * most : apart > allowed * moved)
      wrong.push(
        `${name}: ${(apart / moved).toExponential(1)} of its update, ${(apart / most).toExponential(1)} of the largest`,
      );
  }
  return { parameters: updates.length, still: updates.length - moving.length, worst, single, wrong };
}

describe.runIf(runs)('a step of SGD is that of PyTorch', () => {
  const found = new Map<string, Found & { orders: number }>();

  // Where a ReLU reads a number next to 0, a rounding decides, and it falls otherwise in another order of adding up. A fault is one in every order.
  it.each(names)('%s', { timeout: 600_000 }, async (name) => {
    const model = decodeModel(readFileSync(join(folder, `${name}.onnx`)));
    const arrays = await readNpzArrays(join(folder, `${name}.npz`));
    let tries: Found[] = [];
    for (const order of ORDERS) {
      tries = [...tries, await compared(model, arrays, order)];
      if (tries.at(-1)!.wrong.length === 0) break;
    }
    found.set(name, { ...tries.at(-1)!, orders: tries.length });
    expect(tries.at(-1)!.wrong).toEqual([]);
  });

  it('within 1e-4 of the update of each parameter, for twenty networks and more', () => {
    console.info(JSON.stringify(Object.fromEntries(found), null, 1));
    expect([...found.values()].filter(({ worst }) => worst <= TOLERANCE).length).toBeGreaterThanOrEqual(20);
  });
});
