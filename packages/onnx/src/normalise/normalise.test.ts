import { describe, expect, it } from 'vitest';
import {
  checkModel,
  decodeModel,
  encodeModel,
  float32,
  GraphBuilder,
  graphAttr,
  int64,
  LegalityError,
  normalise,
  OnnxError,
  partition,
  summarize,
  tensorInfo,
  type Model,
  type SparseTensor,
} from '../index.js';

function network(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 2]);
  const t = b.node('Neg', [x], {}, 1, { outputNames: ['t'] });
  b.output(b.node('Add', [t, b.initializer('w', float32([2], [1, 2]))], {}, 1, { outputNames: ['y'] }), 'float32', [
    'n',
    2,
  ]);
  return b.build();
}

const errors = (model: Model): string[] => checkModel(model).flatMap((d) => (d.severity === 'error' ? [d.code] : []));

/** Repairs a broken copy of the network: the codes, whether strict refuses it, and the legal model. */
function mend(broken: (model: Model) => Model): { codes: string[]; refused: boolean; model: Model } {
  const given = broken(network());
  const before = encodeModel(given);
  const { model, repairs } = normalise(given);
  expect(encodeModel(given)).toEqual(before);
  expect(errors(model)).toEqual([]);
  let refused = false;
  try {
    normalise(given, { strict: true });
  } catch (error) {
    expect(error).toBeInstanceOf(LegalityError);
    const found = (error as LegalityError).diagnostics.map((d) => d.code);
    expect(found).toEqual(repairs.filter((r) => !r.legal).map((r) => r.code));
    refused = true;
  }
  return { codes: repairs.map((r) => r.code), refused, model };
}

const sparse = (): SparseTensor => ({
  values: { name: 's', value: float32([2], [5, 7]) },
  indices: { name: '', value: int64([2], [1, 5]) },
  dims: [2, 3],
});

describe('normalising', () => {
  it('gives back the same model where nothing is to do', () => {
    const model = network();
    expect(normalise(model, { strict: true })).toEqual({ model, repairs: [] });
    expect(normalise(model).model).toBe(model);
  });

  it('sorts nodes, as near to their order as that allows', () => {
    const { codes, refused, model } = mend((m) => ({ ...m, graph: { ...m.graph, nodes: m.graph.nodes.toReversed() } }));
    expect([codes, refused]).toEqual([['topological-order'], true]);
    expect(model.graph.nodes.map((n) => n.op)).toEqual(['Neg', 'Add']);
  });

  it('sorts by what branches read from outside', () => {
    const b = new GraphBuilder();
    const flag = b.input('flag', 'bool', []);
    const t = b.node('Neg', [b.input('x', 'float32', [2])], {}, 1, { outputNames: ['t'] });
    const branch = (): ReturnType<typeof graphAttr> => {
      const inner = new GraphBuilder(undefined, new Set(['t', 'flag', 'x']));
      inner.output(inner.node('Abs', [t]), 'float32', [2]);
      return graphAttr(inner.graph);
    };
    b.output(b.node('If', [flag], { then_branch: branch(), else_branch: branch() }), 'float32', [2]);
    const model = b.build();
    const { model: sorted } = normalise({ ...model, graph: { ...model.graph, nodes: model.graph.nodes.toReversed() } });
    expect(sorted.graph.nodes.map((n) => n.op)).toEqual(['Neg', 'If']);
    expect(errors(sorted)).toEqual([]);
  });

  it('leaves nodes that wait for each other, which is said', () => {
    const model = network();
    model.graph.nodes[0]!.inputs = ['y'];
    expect(normalise(model)).toEqual({ model, repairs: [] });
    expect(errors(model)).toContain('cycle');
  });

  it('sorts a long chain that stands upside down', () => {
    const b = new GraphBuilder();
    let x = b.input('x', 'float32', [1]);
    for (let i = 0; i < 50_000; i++) x = b.node('Neg', [x]);
    b.output(x, 'float32', [1]);
    const model = b.build();
    const { model: sorted, repairs } = normalise({
      ...model,
      graph: { ...model.graph, nodes: model.graph.nodes.toReversed() },
    });
    expect(sorted.graph.nodes).toEqual(model.graph.nodes);
    expect(repairs.at(-1)).toMatchObject({ code: 'topological-order', message: 'the same 49979 times more' });
  });

  it('opens negative sizes', () => {
    const { codes, refused, model } = mend((m) => ({
      ...m,
      graph: {
        ...m.graph,
        inputs: [tensorInfo('x', 'float32', [-1, 2])],
        outputs: [tensorInfo('y', 'float32', [-1, 2])],
        values: new Map([['t', tensorInfo('t', 'float32', [-1, -1])]]),
      },
    }));
    expect([codes, refused]).toEqual([['negative-dimension', 'negative-dimension', 'negative-dimension'], true]);
    expect(model.graph.inputs[0]!.type).toMatchObject({ shape: [null, 2] });
  });

  it('imports an operator set once, and the domains that executors know without being told', () => {
    const twice = decodeModel(encodeModel({ ...network(), repeatedOpsets: [''] }));
    expect(twice.repeatedOpsets).toEqual(['']);
    expect(mend(() => twice)).toMatchObject({ codes: ['opset-repeated'], refused: true });
    const spelled = mend((m) => ({ ...m, opsets: new Map([['ai.onnx', 21]]) }));
    expect(spelled).toMatchObject({ codes: ['node-domain'], refused: false });
    expect([...spelled.model.opsets]).toEqual([['', 21]]);
    const both = mend((m) => ({ ...m, opsets: new Map([...m.opsets, ['ai.onnx', 21] as const]) }));
    expect(both).toMatchObject({ codes: ['opset-repeated'], refused: true });
    const lost = mend((m) => {
      const [first, ...rest] = m.graph.nodes;
      return { ...m, graph: { ...m.graph, nodes: [{ ...first!, op: 'Gelu', domain: 'com.microsoft' }, ...rest] } };
    });
    expect(lost).toMatchObject({ codes: ['opset-missing'], refused: true });
    expect(lost.model.opsets.get('com.microsoft')).toBe(1);
  });

  it('refuses one operator set in two versions', () => {
    const other = new Map([
      ['', 21],
      ['ai.onnx', 20],
    ]);
    const code = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        if (error instanceof OnnxError) return error.code;
      }
      return 'none';
    };
    expect(code(() => normalise({ ...network(), opsets: other }))).toBe('duplicate-name');
    const bytes = encodeModel(network());
    // Field 8, OperatorSetIdProto of version 20.
    expect(code(() => decodeModel(Uint8Array.of(...bytes, 0x42, 2, 0x10, 20)))).toBe('duplicate-name');
  });

  it('names what has no name or one of another node', () => {
    const { codes, refused, model } = mend((m) => ({
      ...m,
      graph: { ...m.graph, name: '', nodes: m.graph.nodes.map((n) => ({ ...n, name: 'same' })) },
    }));
    expect([codes, refused]).toEqual([['graph-name', 'node-name'], true]);
    expect(model.graph.nodes.map((n) => n.name)).toEqual(['same', 'same_2']);
  });

  it('leaves nodes without a name, which they need not have', () => {
    const nameless = mend((m) => {
      return { ...m, graph: { ...m.graph, nodes: m.graph.nodes.map((n) => ({ ...n, name: '' })) } };
    });
    expect(nameless).toMatchObject({ codes: [], refused: false });
  });

  it('makes constants of initializers of IR version 3 that are no inputs', () => {
    const { codes, refused, model } = mend((m) => ({ ...m, irVersion: 3 }));
    expect([codes, refused, model.irVersion]).toEqual([['initializer-not-input'], true, 4]);
  });

  it('stores sparse tensors dense, unless a small file would become a huge one', () => {
    const dense = mend((m) => ({ ...m, graph: { ...m.graph, sparseInitializers: [sparse()] } }));
    expect(dense).toMatchObject({ codes: ['sparse-tensor'], refused: false });
    expect(dense.model.graph.initializers.get('s')?.value).toEqual(float32([2, 3], [0, 5, 0, 0, 0, 7]));
    const pairs: SparseTensor = { ...sparse(), indices: { name: '', value: int64([2, 2], [0, 2, 1, 0]) } };
    const byPairs = mend((m) => ({ ...m, graph: { ...m.graph, sparseInitializers: [pairs] } }));
    expect(byPairs.model.graph.initializers.get('s')?.value).toEqual(float32([2, 3], [0, 0, 5, 7, 0, 0]));
    const huge = mend((m) => ({ ...m, graph: { ...m.graph, sparseInitializers: [{ ...sparse(), dims: [1e9] }] } }));
    expect(huge.codes).toEqual([]);
  });
});

describe('verbs', () => {
  it('say what was repaired, and refuse it all by name when strict', () => {
    const m = network();
    const given: Model = {
      ...m,
      graph: {
        ...m.graph,
        nodes: m.graph.nodes.toReversed(),
        inputs: [tensorInfo('x', 'float32', [-1, 2])],
        outputs: [tensorInfo('y', 'float32', ['n', 3])],
      },
    };
    const codes = ['topological-order', 'negative-dimension'];
    expect(summarize(given).repairs.map((r) => r.code)).toEqual(codes);
    expect(summarize(given).claims.map((c) => c.kind)).toEqual(['contradicted']);
    expect(partition(given, { stages: 2 }).repairs.map((r) => r.code)).toEqual(codes);
    const all = /topological-order.*negative-dimension.*declared-type/;
    expect(() => summarize(given, {}, { strict: true })).toThrow(all);
    expect(() => partition(given, { stages: 2, strict: true })).toThrow(all);
  });
});
