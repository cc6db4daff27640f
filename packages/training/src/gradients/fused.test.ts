/** What ONNX Runtime's own operators are un-fused to, against ONNX Runtime's kernels for them. */
import { describe, expect, it } from 'vitest';
import { encodeModel, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import { fusedCases, fusedModel, type FusedCase } from './cases/fused.js';
import { gradientErrors } from './central-differences.js';
import { fusedOps } from './microsoft.js';
import { gradientRow } from './table.js';

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    return await session.run(
      Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name))),
    );
  } finally {
    await session.release();
  }
}

const floatsOf = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number>, Number);

/** The largest difference, relative to the largest number where that is over 1. */
function apart(a: Tensor, b: Tensor): number {
  expect(b.dims).toEqual(a.dims);
  const [want, got] = [floatsOf(a), floatsOf(b)];
  const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
  return want.reduce((m, v, i) => Math.max(m, Math.abs(v - got[i]!)), 0) / scale;
}

/** The training form's own number for one output of the model. */
async function formed(model: Model, output: string, feeds: Record<string, Tensor>): Promise<Tensor> {
  const only = { ...model, graph: { ...model.graph, outputs: [{ name: output, type: null }] } };
  const form = buildVectorJacobianModel(only, { wrt: [], mode: 'eval' });
  expect(form.graph.nodes.filter((n) => n.domain !== '')).toEqual([]);
  return (await run(form, feeds))[OUTPUT]!;
}

const named = fusedCases.map((c): [string, FusedCase] => [`${c.op}: ${c.text}`, c]);

describe("operators of ONNX Runtime's own, un-fused", () => {
  it.each(named)('%s: the numbers of its kernel', async (_, c) => {
    const { model, feeds, outputs } = fusedModel(c);
    const kernel = await run(model, feeds);
    for (const output of outputs) {
      expect(apart(kernel[output]!, await formed(model, output, feeds)), output).toBeLessThan(1e-5);
    }
  });

  it.each(named.filter(([, c]) => !c.rounds))('%s: gradients against central differences', async (_, c) => {
    const { model, feeds } = fusedModel(c);
    const one = { ...model, graph: { ...model.graph, outputs: model.graph.outputs.slice(0, 1) } };
    const wrt = Object.keys(feeds);
    const activation = c.attributes?.['activation'];
    const kinked = activation?.kind === 'string' && /Relu|Clip|Hard|sign/.test(String(activation.value));
    const errors = await gradientErrors(one, createSession, { feeds, wrt, mode: 'eval', step: kinked ? 1e-3 : 0.05 });
    for (const [name, error] of errors) expect(error, name).toBeLessThan(kinked ? 5e-3 : 2e-4);
  });

  it('are all checked', () => {
    const names = fusedCases.map(({ op, domain = 'com.microsoft' }) => (domain === '' ? op : `${domain}.${op}`));
    expect([...new Set(names)].filter((n) => n !== 'LayerNormalization').sort()).toEqual([...fusedOps].sort());
  });

  it('say why where one node cannot be', () => {
    const node = (op: string, attributes: FusedCase['attributes']) =>
      fusedModel({ op, text: '', inputs: [[1]], attributes }).model.graph.nodes[0]!;
    const why = (op: string, attributes: FusedCase['attributes']) =>
      gradientRow('com.microsoft', op)?.unsupported?.(node(op, attributes));
    expect(why('FusedConv', { activation: { kind: 'string', value: 'Mish' } })).toBe('the activation Mish');
    expect(why('Attention', { do_rotary: { kind: 'int', value: 1n } })).toMatch(/rotary/);
    expect(why('RotaryEmbedding', { scale: { kind: 'float', value: 2 } })).toBe('a scale');
  });
});
