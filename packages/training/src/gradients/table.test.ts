import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { attentions, rotations } from './cases/attention.js';
import { modelOf, type Case } from './cases/case.js';
import { activations, elementwise, flat } from './cases/elementwise.js';
import { indexing } from './cases/indexing.js';
import { layout, resizing } from './cases/layout.js';
import { convolutions, products, transposedConvolutions } from './cases/linear.js';
import { normalization } from './cases/normalization.js';
import { pooling } from './cases/pooling.js';
import { reduction } from './cases/reduction.js';
import { obstacle } from '../backward.js';
import { buildVectorJacobianModel } from '../training-model.js';
import { gradientErrors } from './central-differences.js';
import { differentiableOps, gradientRow } from './table.js';

const topics: Readonly<Record<string, readonly Case[]>> = {
  elementwise,
  activations,
  flat,
  products,
  convolutions,
  transposedConvolutions,
  pooling,
  normalization,
  reduction,
  layout,
  resizing,
  indexing,
  attentions,
  rotations,
};

describe.each(Object.entries(topics))('gradients against central differences: %s', (_topic, cases) => {
  for (const c of cases) {
    it(`${c.op}${c.text ? `: ${c.text}` : ''}`, async () => {
      const { model, feeds, wrt } = modelOf(c);
      const errors = await gradientErrors(model, createSession, { feeds, wrt, mode: c.mode, step: c.step });
      expect([...errors.keys()]).toEqual(wrt);
      for (const [name, error] of errors) expect(error, name).toBeLessThan(c.tolerance ?? 1e-4);
    });
  }
});

/** Rows that are checked elsewhere. */
const elsewhere = {
  'recurrent.test.ts': ['GRU', 'LSTM', 'RNN'],
  'golden.test.ts': ['DequantizeLinear', 'QuantizeLinear'],
  'the network of masks below': ['And', 'ConstantOfShape', 'Not', 'Or', 'Xor'],
};

describe('the table of gradients', () => {
  it('has every one of its operators checked', () => {
    const checked = [...Object.values(topics).flatMap((cases) => cases.map((c) => c.op as string))];
    const all = new Set([...checked, ...Object.values(elsewhere).flat()]);
    expect([...all].sort()).toEqual([...differentiableOps].sort());
  });

  it('is closed: gradients are written in operators that have one', () => {
    const written = Object.values(topics).flatMap((cases) =>
      cases.flatMap((c) => {
        const { model, wrt } = modelOf(c);
        return buildVectorJacobianModel(model, { wrt, mode: c.mode }).graph.nodes;
      }),
    );
    const strangers = written.filter((node) => obstacle(node) !== undefined);
    // The integers that a dropout mask is drawn from.
    expect([...new Set(strangers.map((node) => node.op))]).toEqual(['Mod']);
  });

  it('has no row for foreign domains and unknown operators', () => {
    expect(gradientRow('com.microsoft', 'Conv')).toBeUndefined();
    expect(gradientRow('', 'NonMaxSuppression')).toBeUndefined();
    expect(gradientRow('', 'toString')).toBeUndefined();
  });

  it('lets nothing flow through a network of masks but along the values they choose', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [6]);
    const limit = (value: number): string => b.constant(float32([], [value]));
    const [low, high] = [b.node('Less', [x, limit(-1)]), b.node('Greater', [x, limit(1)])];
    const chosen = b.node('Or', [b.node('Not', [b.node('Or', [low, high])]), b.node('Xor', [low, high])]);
    const mask = b.node('And', [chosen, b.node('Greater', [x, limit(-2)])]);
    const zeros = b.node('ConstantOfShape', [b.node('Shape', [x])]);
    b.output(b.node('Where', [mask, b.node('Mul', [x, x]), zeros]), 'float32', null);
    const feeds = { x: float32([6], [-3, -1.5, -0.5, 0.5, 1.5, 3]) };
    const errors = await gradientErrors(b.build(), createSession, { feeds, wrt: ['x'] });
    expect(errors.get('x')).toBeLessThan(1e-4);
  });
});
