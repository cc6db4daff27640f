import { describe, expect, it } from 'vitest';
import {
  ACCEPT,
  assertLegal,
  constantPattern,
  decline,
  eliminateDeadCode,
  float32,
  GraphBuilder,
  graphAttr,
  int64,
  ints,
  mergeReshapes,
  mergeTransposes,
  OnnxError,
  opPattern,
  removeDropout,
  removeIdentity,
  rewrite,
  tensorInfo,
  valuePattern,
  type Model,
  type Rule,
} from '../index.js';

function build(body: (b: GraphBuilder, x: string) => string): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [2, 3, 4]);
  b.output(body(b, x), 'float32', null);
  const model = b.build();
  assertLegal(model);
  return model;
}

const ops = (model: Model): string[] => model.graph.nodes.map((n) => n.op);

/** Mul(x, 1) -> x, only when the factor is really 1. */
const mulByOne: Rule = {
  name: 'mul-by-one',
  pattern: opPattern('Mul', [valuePattern('x'), constantPattern('factor')]),
  check(match) {
    const factor = match.constant('factor');
    return factor.dtype === 'float32' && factor.data.every((v) => v === 1) ? ACCEPT : decline('the factor is not 1');
  },
  rewrite: (match) => match.value('x'),
};

describe('rewriting', () => {
  it('removes chains of Identity, also in front of subgraphs', () => {
    const model = build((b, x) => {
      const kept = b.node('Identity', [b.node('Identity', [x])]);
      const cond = b.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(1) });
      const branch = (): Model['graph'] => {
        const inner = new GraphBuilder();
        inner.node('Relu', [kept], {}, 1, { outputNames: [b.fresh('inner')] });
        inner.output(inner.graph.nodes[0]!.outputs[0]!, 'float32', null);
        return inner.graph;
      };
      return b.node('If', [cond], { then_branch: graphAttr(branch()), else_branch: graphAttr(branch()) });
    });
    const { model: result, fired } = rewrite(model, [removeIdentity]);
    expect(fired.map((f) => f.rule)).toEqual(['remove-identity', 'remove-identity']);
    expect(ops(result)).toEqual(['If']);
    const branch = result.graph.nodes[0]!.attributes.get('then_branch');
    expect(branch?.kind === 'graph' && branch.value.nodes[0]!.inputs).toEqual(['x']);
  });

  it('says why it left an Identity that names an output', () => {
    const model = build((b, x) => b.node('Identity', [x], {}, 1, { name: 'last' }));
    const { model: result, fired, declined } = rewrite(model, [removeIdentity]);
    expect([ops(result), fired]).toEqual([['Identity'], []]);
    expect(declined).toEqual([{ rule: 'remove-identity', node: 'last', reason: 'it gives a graph output its name' }]);
  });

  it('removes Dropout that does not drop, and no other', () => {
    const training = (value: number): Model =>
      build((b, x) => {
        const ratio = b.constant(float32([], [0.5]));
        const mode = b.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(value) });
        return b.node('Relu', [b.node('Dropout', [x, ratio, mode])]);
      });
    const off = rewrite(training(0), [removeDropout]);
    expect(ops(off.model)).toEqual(['Relu']);
    expect(off.model.graph.initializers.size).toBe(0);
    const on = rewrite(training(1), [removeDropout]);
    expect(ops(on.model)).toEqual(['Dropout', 'Relu']);
    expect(on.declined.map((d) => d.reason)).toEqual(['it drops: training_mode is true']);
  });

  it('knows that Dropout dropped by default before operator set 7', () => {
    const old = (opset: number): Model => ({
      ...build((b, x) => b.node('Relu', [b.node('Dropout', [x])])),
      opsets: new Map([['', opset]]),
    });
    expect(rewrite(old(6), [removeDropout]).declined.map((d) => d.reason)).toEqual(['it drops: is_test is 0']);
    expect(ops(rewrite(old(7), [removeDropout]).model)).toEqual(['Relu']);
  });

  it('merges Transposes into one or none', () => {
    const twice = (second: number[]): Model =>
      build((b, x) => {
        const t = b.node('Transpose', [x], { perm: ints([1, 2, 0]) });
        return b.node('Relu', [b.node('Transpose', [t], { perm: ints(second) })]);
      });
    expect(ops(rewrite(twice([2, 0, 1]), [mergeTransposes]).model)).toEqual(['Relu']);
    const one = rewrite(twice([1, 2, 0]), [mergeTransposes]).model;
    expect(ops(one)).toEqual(['Transpose', 'Relu']);
    const perm = one.graph.nodes[0]!.attributes.get('perm');
    expect(perm?.kind === 'ints' && perm.value).toEqual([2n, 0n, 1n]);
  });

  it('merges a run of Reshapes, but not when the first is used twice or a 0 refers to it', () => {
    const shape = (b: GraphBuilder, dims: number[]): string => b.constant(int64([dims.length], dims));
    const run = build((b, x) => {
      const flat = b.node('Flatten', [b.node('Reshape', [x, shape(b, [6, 4])])]);
      return b.node('Reshape', [flat, shape(b, [4, 6])]);
    });
    const { model, fired } = rewrite(run, [mergeReshapes]);
    expect(ops(model)).toEqual(['Reshape']);
    expect(fired.length).toBe(2);

    const copies = build((b, x) => b.node('Reshape', [b.node('Flatten', [x]), shape(b, [0, 12])]));
    expect(rewrite(copies, [mergeReshapes]).declined[0]!.reason).toMatch(/copies a dimension/);

    const shared = build((b, x) => {
      const flat = b.node('Flatten', [x]);
      const wide = b.node('Reshape', [flat, shape(b, [2, 12])]);
      return b.node('Add', [flat, wide]);
    });
    expect(rewrite(shared, [mergeReshapes]).declined[0]!.reason).toMatch(/read elsewhere/);
  });

  it('keeps the names of graph outputs and shared values when it replaces them', () => {
    const model = build((b, x) => {
      const r = b.node('Relu', [x]);
      return b.node('Mul', [r, b.constant(float32([], [1]))], {}, 1, { outputNames: ['y'] });
    });
    const { model: result } = rewrite(model, [mulByOne]);
    // y was the Mul's; an Identity carries the name on, since Relu's result is a value of its own.
    expect(result.graph.outputs[0]!.name).toBe('y');
    expect(ops(result)).toEqual(['Relu', 'Identity']);
    assertLegal(result);
  });

  it('refuses a rule that breaks the model, and rules without an end', () => {
    const code = (rule: Rule): unknown => {
      try {
        rewrite(
          build((b, x) => b.node('Relu', [x])),
          [rule],
        );
      } catch (error) {
        return error instanceof OnnxError ? error.code : error;
      }
      return 'none';
    };
    const relu = opPattern('Relu', [valuePattern('x')]);
    const make = (body: Rule['rewrite']): Rule => ({ name: 'bad', pattern: relu, check: () => ACCEPT, rewrite: body });
    expect(code(make((_, b) => b.node('Relu', ['nobody'])))).toBe('rewrite');
    expect(code(make((m, b) => b.node('Relu', [m.value('x')])))).toBe('rewrite');
    expect(code(make((m) => m.value('typo')))).toBe('rewrite');
    expect(code(make(() => []))).toBe('rewrite');
    expect(code(make((m, b) => b.input('z', 'float32', []) && m.value('x')))).toBe('rewrite');
  });

  it('does not change the model that it was given', () => {
    const model = build((b, x) => b.node('Relu', [b.node('Identity', [x])]));
    const before = structuredClone(model);
    rewrite(model, [removeIdentity]);
    expect(model).toEqual(before);
  });
});

describe('dead code', () => {
  it('goes, and its initializers with it; inputs stay', () => {
    const model = build((b, x) => {
      b.input('unused', 'float32', [1]);
      b.node('Add', [x, b.constant(float32([], [1]), 'dead')]);
      return b.node('Relu', [x]);
    });
    model.graph.values.set('Add_out', tensorInfo('Add_out', 'float32', null));
    const { graph } = eliminateDeadCode(model);
    expect(graph.nodes.map((n) => n.op)).toEqual(['Relu']);
    expect([graph.initializers.size, graph.values.size, graph.inputs.length]).toEqual([0, 0, 2]);
  });
});
