import { afterAll, describe, expect, it } from 'vitest';
import { createSession } from '../conformance/executor.js';
import { checkModel, decodeModel, encodeModel, GraphBuilder, inferShapes, simplify, type Model } from '../index.js';
import { randomFeeds } from '../simplify/feeds.js';
import { bindType } from './declared.js';
import { FUSED_ATTENTION } from './microsoft-attention-cases.js';
import { FUSED_ELEMENTWISE, FUSED_LAYOUT, FUSED_LINEAR, type MicrosoftCase } from './microsoft-cases.js';
import { ROWS_MICROSOFT } from './table-microsoft.js';

/** What stands for the open sizes in the two runs of each case. */
const SIZES = [
  { b: 1, s: 2, t: 5 },
  { b: 3, s: 4, t: 7 },
];

const operatorOf = ({ name, domain = 'com.microsoft' }: MicrosoftCase): string =>
  (domain ? `${domain}.` : '') + name.split(' ')[0]!;

/** The model of a case; its outputs have no declared type. */
function modelOf(c: MicrosoftCase): Model {
  const b = new GraphBuilder();
  const inputs = c.inputs.map((given, i) => {
    if (!given) return '';
    return 'input' in given ? b.input(`x${i}`, given.input, given.shape) : b.constant(given);
  });
  const asked = c.outputs ?? [true];
  const outputNames = asked.map((wanted, i) => (wanted ? `y${i}` : ''));
  b.node(c.name.split(' ')[0]!, inputs, c.attributes ?? {}, asked.length, {
    domain: c.domain ?? 'com.microsoft',
    outputNames,
  });
  b.graph.outputs = outputNames.filter((n) => n !== '').map((name) => ({ name, type: null }));
  return b.build({ opset: 17, opsets: { 'com.microsoft': 1 } });
}

const seen = new Set<string>();
const cases = [...FUSED_LINEAR, ...FUSED_ELEMENTWISE, ...FUSED_LAYOUT, ...FUSED_ATTENTION];
const named = (list: readonly MicrosoftCase[]): [string, MicrosoftCase][] => list.map((c) => [c.name, c]);

describe('operators of com.microsoft', () => {
  it.each(named(cases.filter((c) => c.runs !== false)))('%s: types and shapes are those of runs', async (_, c) => {
    seen.add(operatorOf(c));
    const model = modelOf(c);
    expect(checkModel(model)).toEqual([]);
    const inferred = inferShapes(model);
    const session = await createSession(encodeModel(model));
    const open = new Set<string>();
    for (const dims of SIZES) {
      const results = await session.run(randomFeeds(model, { dims }));
      for (const { name, type } of inferred.graph.outputs) {
        const { dtype, dims: shape } = results[name]!;
        const bound = bindType(type, dims);
        if (bound?.kind !== 'tensor' || !bound.shape) throw new Error(`${name}: ${JSON.stringify(type)}`);
        bound.shape.forEach((d, axis) => typeof d !== 'number' && open.add(`${name.slice(1)}.${axis}`));
        expect({ name, dtype: bound.dtype, rank: bound.shape.length }).toEqual({ name, dtype, rank: shape.length });
        expect(bound.shape.map((d, i) => (typeof d === 'number' ? d : shape[i]))).toEqual(shape);
      }
    }
    await session.release();
    expect([...open].sort()).toEqual(c.open ?? []);
    // What inference wrote is legal, and is what ONNX Runtime reads.
    await (await createSession(encodeModel(decodeModel(encodeModel(inferred))))).release();
    const simple = await simplify(model, createSession, { dims: SIZES[1] });
    expect(simple.model.graph.nodes.map((n) => n.op)).toEqual([c.name.split(' ')[0]]);
  });

  // These have kernels for other hardware: ONNX Runtime compares the types with its own before it looks for a kernel.
  it.each(named(cases.filter((c) => c.runs === false)))('%s: types are those of the schema', async (_, c) => {
    seen.add(operatorOf(c));
    const inferred = inferShapes(modelOf(c));
    for (const { type } of inferred.graph.outputs) {
      expect(type?.kind === 'tensor' && type.dtype && type.shape, JSON.stringify(type)).toBeTruthy();
    }
    const refusal = createSession(encodeModel(inferred)).then(async (session) => {
      await session.run(randomFeeds(inferred, { dims: SIZES[0] })).finally(() => session.release());
    });
    await expect(refusal).rejects.toThrow(/Could not find an implementation|not implemented for CPU/);
  });

  afterAll(() => {
    // Blocks of channels are tested with what the optimiser writes.
    const untested = Object.keys(ROWS_MICROSOFT).filter((op) => !seen.has(op) && !op.includes('.nchwc.'));
    expect(untested).toEqual([]);
  });
});
