import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { initialSlotValue, scalarFeeds, scalarNames, slotsOf, writeUpdate, type OptimizerSpec } from '../optimizers.js';
import type { Layout } from '../parameters.js';
import { finish } from '../step-parts.js';
import { Tape } from '../tape.js';

interface Golden {
  readonly sizes: readonly [number, number];
  readonly rates: readonly number[];
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly cases: readonly { name: string; spec: OptimizerSpec; path: readonly (readonly number[])[] }[];
}

const { optimizers: golden } = JSON.parse(
  readFileSync(new URL('../../goldens/objectives.golden.json', import.meta.url), 'utf8'),
) as { optimizers: Golden };

const [weights, biases] = golden.sizes;
const size = weights + biases;
const layout: Layout = {
  size,
  entries: [
    { name: 'w', role: 'weight', shape: [weights], offset: 0, size: weights },
    { name: 'b', role: 'bias', shape: [biases], offset: weights, size: biases },
  ],
};

function updateModel(spec: OptimizerSpec): Model {
  const t = new Tape('t.');
  const [p, g] = [t.declare('p', [size]), t.declare('g', [size])];
  const slots = slotsOf(spec).map((s) => t.declare(s, [size]));
  const updated = writeUpdate(t, spec, layout, p, g, slots);
  return finish(t, 'update', [p, g, ...slots, ...scalarNames(spec)], [updated.parameters, ...updated.slots]);
}

describe('optimisers against PyTorch in double precision', () => {
  for (const { name, spec, path } of golden.cases) {
    it(`${name}, ${path.length} steps`, async () => {
      const session = await createSession(encodeModel(updateModel(spec)));
      const zero = new Float32Array(size).fill(initialSlotValue(spec));
      let state: Tensor[] = [float32([size], golden.start), ...slotsOf(spec).map(() => float32([size], zero))];
      for (const [step, want] of path.entries()) {
        const scalars = scalarFeeds(spec, golden.rates[step]!, step + 1);
        const feeds: Record<string, Tensor> = { p: state[0]!, g: float32([size], golden.gradients[step]!) };
        for (const [scalar, value] of Object.entries(scalars)) feeds[scalar] = float32([], [value]);
        slotsOf(spec).forEach((s, i) => (feeds[s] = state[i + 1]!));
        const out = await session.run(feeds);
        state = session.outputNames.map((n) => out[n]!);
        const got = state[0]!.data as Float32Array;
        want.forEach((w, i) => expect(Math.abs(got[i]! - w)).toBeLessThan(2e-6 * Math.max(1, Math.abs(w))));
      }
      await session.release();
    });
  }
});
