import { describe, expect, it } from 'vitest';
import { createSession } from '../conformance/executor.js';
import {
  assertLegal,
  encodeModel,
  float32,
  GraphBuilder,
  graphAttr,
  inlineFunctions,
  int,
  referenceAttr,
  type FunctionBody,
  type Graph,
  type Model,
  type Node,
  type Tensor,
} from '../index.js';

const node = (op: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node => ({
  ...{ op, domain: '', name: '', inputs, outputs, attributes: new Map() },
  ...more,
});

const body = (name: string, inputs: string[], outputs: string[], nodes: Node[], more: Partial<FunctionBody> = {}) => ({
  ...{ domain: 'own', name, inputs, outputs, attributes: [], nodes, opsets: new Map([['', 17]]) },
  ...more,
});

const call = (name: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node =>
  node(name, inputs, outputs, { domain: 'own', ...more });

const tensor = (name: string) => ({ name, type: { kind: 'tensor', dtype: 'float32', shape: [2, 3] } as const });

/** A model of opset 17 with one input x [2, 3]. */
function modelOf(functions: FunctionBody[], nodes: Node[], outputs: string[], initializers: string[] = []): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [2, 3]);
  for (const name of initializers) b.initializer(name, float32([3], [1, -2, 3]));
  b.graph.nodes.push(...nodes);
  b.graph.outputs.push(...outputs.map(tensor));
  return { ...b.build({ opset: 17, opsets: { own: 1 } }), functions };
}

async function run(model: Model): Promise<Record<string, Tensor>> {
  assertLegal(model);
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    return await session.run({ x: float32([2, 3], [0.5, -1, 2, -0.25, 4, -3]) });
  } finally {
    await session.release();
  }
}

/** The inlined model gives what the executor gives for the calls. */
async function same(model: Model): Promise<Model> {
  const { model: flat, left } = inlineFunctions(model);
  expect([...left.keys(), ...flat.functions.map((f) => f.name)]).toEqual([]);
  expect(await run(flat)).toEqual(await run(model));
  return flat;
}

const scaled = body(
  'Scaled',
  ['a', 'w'],
  ['y'],
  [
    node('Mul', ['a', 'w'], ['t']),
    node('ReduceMean', ['t'], ['m'], {
      attributes: new Map([
        ['axes', referenceAttr('over', 'ints')],
        ['keepdims', int(1)],
      ]),
    }),
    node('LeakyRelu', ['t'], ['u'], { attributes: new Map([['alpha', referenceAttr('slope', 'float')]]) }),
    node('Sub', ['u', 'm'], ['y']),
  ],
  {
    attributes: ['over'],
    attributeDefaults: new Map([['slope', { kind: 'float', value: 0.5 }]]),
  },
);
const over = (...axes: number[]): Partial<Node> => ({
  attributes: new Map([['over', { kind: 'ints', value: axes.map(BigInt) }]]),
});

describe('inlining functions', () => {
  it('gives the same model where there are none', () => {
    const model = modelOf([], [node('Relu', ['x'], ['y'])], ['y']);
    expect(inlineFunctions(model).model).toBe(model);
  });

  it('puts attributes and defaults in place, and keeps names apart', async () => {
    const slope = new Map([...over(0).attributes!, ['slope', { kind: 'float', value: 0.1 } as const]]);
    const model = modelOf(
      [scaled],
      [
        node('Neg', ['x'], ['t']),
        call('Scaled', ['t', 'w'], ['one'], { ...over(1), name: 'first' }),
        call('Scaled', ['one', 'w'], ['y'], { attributes: slope }),
      ],
      ['y'],
      ['w'],
    );
    const flat = await same(model);
    expect(inlineFunctions(model).inlined).toEqual(new Map([['Scaled', 2]]));
    expect(flat.graph.nodes.map((n) => n.op)).toEqual([
      'Neg',
      ...Array(2).fill(['Mul', 'ReduceMean', 'LeakyRelu', 'Sub']).flat(),
    ]);
    expect(new Set(flat.graph.nodes.map((n) => n.name)).size).toBe(9);
  });

  it('follows calls in functions and in branches', async () => {
    const twice = body(
      'Twice',
      ['a', 'w'],
      ['y'],
      [call('Scaled', ['a', 'w'], ['h'], over(1)), call('Scaled', ['h', 'w'], ['y'], over(0))],
      {
        opsets: new Map([
          ['', 17],
          ['own', 1],
        ]),
      },
    );
    const branch = (nodes: Node[], output: string): Graph => {
      const b = new GraphBuilder();
      b.graph.nodes.push(...nodes);
      b.graph.outputs.push(tensor(output));
      return b.graph;
    };
    const branches = new Map([
      ['then_branch', graphAttr(branch([call('Twice', ['p', 'w'], ['q'])], 'q'))],
      ['else_branch', graphAttr(branch([node('Neg', ['p'], ['r'])], 'r'))],
    ]);
    const model = modelOf(
      [scaled, twice],
      [
        call('Twice', ['x', 'w'], ['p']),
        node('ReduceSum', ['x'], ['sum'], { attributes: new Map([['keepdims', int(0)]]) }),
        node('Greater', ['sum', 'zero'], ['positive']),
        node('If', ['positive'], ['y'], { attributes: branches }),
      ],
      ['y'],
      ['w'],
    );
    model.graph.initializers.set('zero', { name: 'zero', value: float32([], [0]) });
    const flat = await same(model);
    expect(flat.graph.nodes.filter((n) => n.domain === 'own')).toEqual([]);
  });

  it('hands inputs on, and one value as two outputs', async () => {
    // ONNX Runtime refuses such functions.
    const through = body('Through', ['a'], ['a', 'n', 'n'], [node('Neg', ['a'], ['n'])]);
    const model = modelOf([through], [call('Through', ['x'], ['one', 'two', 'three'])], ['one', 'two', 'three']);
    const { one, two, three } = await run(inlineFunctions(model).model);
    expect([...(one!.data as Float32Array)]).toEqual([0.5, -1, 2, -0.25, 4, -3]);
    expect([...(two!.data as Float32Array)]).toEqual([-0.5, 1, -2, 0.25, -4, 3]);
    expect(three).toEqual(two);
  });

  it('leaves absent inputs absent', async () => {
    const clipped = body('Clipped', ['a', 'low', 'high'], ['y'], [node('Clip', ['a', 'low', 'high'], ['y'])]);
    const model = modelOf([clipped], [call('Clipped', ['x', '', 'one'], ['y'])], ['y']);
    model.graph.initializers.set('one', { name: 'one', value: float32([], [1]) });
    const flat = await same(model);
    expect(flat.graph.nodes[0]!.inputs).toEqual(['x', '', 'one']);
  });

  it('leaves a function whose operators mean something else there, and says which', () => {
    const old = body('Old', ['a'], ['y'], [node('Softmax', ['a'], ['s']), node('Neg', ['s'], ['y'])], {
      opsets: new Map([['', 11]]),
    });
    const even = body('Even', ['a'], ['y'], [node('Neg', ['a'], ['y'])], { opsets: new Map([['', 13]]) });
    const model = modelOf([old, even], [call('Old', ['x'], ['t']), call('Even', ['t'], ['y'])], ['y']);
    const { model: flat, inlined, left } = inlineFunctions(model);
    expect([...inlined.keys()]).toEqual(['Even']);
    expect(left.get('Old')).toBe("Softmax: another version in the function's operator set than in the model's");
    expect(flat.functions.map((f) => f.name)).toEqual(['Old']);
    expect(flat.graph.nodes.map((n) => n.op)).toEqual(['Old', 'Neg']);
  });
});
