/** Test support: models of the corpus that are made by hand, and hostile ones of any size. */
import { emptyGraph } from './graphs.js';
import {
  float32,
  graphAttr,
  int,
  int64,
  ints,
  referenceAttr,
  type Attribute,
  type DataType,
  type Dim,
  type FunctionBody,
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  type ValueInfo,
  type ValueType,
} from '../index.js';

type Attributes = Record<string, Attribute>;

export function node(op: string, inputs: string[], outputs: string[], attributes: Attributes = {}, domain = ''): Node {
  return { op, domain, name: '', inputs, outputs, attributes: new Map(Object.entries(attributes)) };
}

export function tensor(name: string, shape: readonly Dim[] | null, dtype: DataType = 'float32'): ValueInfo {
  return { name, type: { kind: 'tensor', dtype, shape } };
}

const untyped = (name: string): ValueInfo => ({ name, type: null });

export function graph(inputs: ValueInfo[], nodes: Node[], outputs: ValueInfo[], stored: StoredTensor[] = []): Graph {
  const made = emptyGraph('g');
  made.inputs.push(...inputs);
  made.nodes.push(...nodes);
  made.outputs.push(...outputs);
  for (const s of stored) made.initializers.set(s.name, s);
  return made;
}

export function model(of: Graph, functions: FunctionBody[] = []): Model {
  const opsets = new Map([['', 21], ...(functions.length > 0 ? [['f', 1] as const] : [])]);
  return { irVersion: 10, opsets, graph: of, functions, metadata: new Map() };
}

export function functionOf(name: string, nodes: Node[], attributes: string[] = []): FunctionBody {
  const opsets = new Map([
    ['', 21],
    ['f', 1],
  ]);
  return { domain: 'f', name, inputs: ['a'], outputs: ['z'], attributes, nodes, opsets };
}

const external = (name: string, location: string): StoredTensor => ({
  name,
  value: { dtype: 'float32', dims: [2], external: { location, offset: 0, length: 8 } },
});

const escaping: Attribute = { kind: 'tensor', value: external('', '../../secrets') };
const vector = tensor('x', [2]);

/** A chain of functions in which each calls the next twice. */
export function doublingFunctions(levels: number): Model {
  const functions = Array.from({ length: levels }, (_, i) =>
    functionOf(`F${i}`, [node(`F${i + 1}`, ['a'], ['b'], {}, 'f'), node(`F${i + 1}`, ['b'], ['z'], {}, 'f')]),
  );
  functions.push(functionOf(`F${levels}`, [node('Relu', ['a'], ['z'])]));
  return model(graph([vector], [node('F0', ['x'], ['y'], {}, 'f')], [tensor('y', [2])]), functions);
}

/** A chain of functions in which each calls the next. */
export function deepFunctions(levels: number): Model {
  const functions = Array.from({ length: levels }, (_, i) =>
    functionOf(`F${i}`, [i < levels - 1 ? node(`F${i + 1}`, ['a'], ['z'], {}, 'f') : node('Relu', ['a'], ['z'])]),
  );
  return model(graph([vector], [node('F0', ['x'], ['y'], {}, 'f')], [tensor('y', [2])]), functions);
}

/** Loops inside loops, the innermost of which doubles its state. */
export function nestedLoops(levels: number): Model {
  let inner: Graph | null = null;
  for (let d = 0; d < levels; d++) {
    const [i, go, s, r, e] = ['i', 'go', 's', 'r', 'e'].map((n) => `${n}${d}`) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const step: Node = inner
      ? node('Loop', ['n', '', s], [r], { body: graphAttr(inner) })
      : node('Concat', [s, s], [r], { axis: int(0) });
    const inputs = [tensor(i, [], 'int64'), tensor(go, [], 'bool'), tensor(s, null)];
    inner = graph(inputs, [step, node('Identity', [go], [e])], [untyped(e), untyped(r)]);
  }
  const outer = node('Loop', ['n', '', 'x'], ['y'], { body: graphAttr(inner!) });
  return model(graph([tensor('n', [], 'int64'), vector], [outer], [tensor('y', null)]));
}

/** Undecided branches of different ranks, one after the other. */
export function manyBranches(count: number): Model {
  const branch = (op: string): Attribute => graphAttr(graph([], [node(op, ['x'], ['b'])], [untyped('b')]));
  const nodes = Array.from({ length: count }, (_, i) =>
    node('If', ['c'], [`y${i}`], { then_branch: branch('Relu'), else_branch: branch('Size') }),
  );
  return model(graph([vector, tensor('c', [], 'bool')], nodes, [tensor(`y${count - 1}`, null)]));
}

/** Operators on tensors of this rank. */
export function highRank(rank: number): Model {
  const axes: StoredTensor = {
    name: 'axes',
    value: int64(
      [rank],
      Array.from({ length: rank }, (_, i) => i),
    ),
  };
  const nodes = [
    ...['Transpose', 'Shape', 'Flatten', 'Softmax'].map((op) => node(op, ['x'], [`y${op}`])),
    ...['ReduceSum', 'Squeeze', 'Unsqueeze', 'Reshape', 'Expand', 'Tile', 'Pad'].map((op) =>
      node(op, ['x', 'axes'], [`y${op}`]),
    ),
    ...['Add', 'MatMul', 'Gather', 'GatherND'].map((op) => node(op, ['x', 'x'], [`y${op}`])),
    node('Concat', ['x', 'x'], ['yConcat'], { axis: int(0) }),
    node('Slice', ['x', 'axes', 'axes', 'axes'], ['ySlice']),
  ];
  return model(graph([tensor('x', new Array<Dim>(rank).fill('n'))], nodes, [tensor('yAdd', null)], [axes]));
}

export function longChain(length: number): Model {
  const nodes = Array.from({ length }, (_, i) => node('Relu', [`v${i}`], [`v${i + 1}`]));
  return model(graph([tensor('v0', [2])], nodes, [tensor(`v${length}`, null)]));
}

/** Nodes with so many inputs, outputs and numbers in an attribute. */
export function wideNodes(count: number): Model {
  const one: StoredTensor = { name: 'one', value: int64([1], [1]) };
  const all = new Array<string>(count).fill('x');
  const nodes = [
    ...['Sum', 'Max', 'SequenceConstruct'].map((op) => node(op, all, [`y${op}`])),
    node('Concat', all, ['yConcat'], { axis: int(0) }),
    node('Max', new Array<string>(count).fill('one'), ['yOnes']),
    node(
      'Split',
      ['x'],
      Array.from({ length: count }, (_, i) => `o${i}`),
      { axis: int(0), num_outputs: int(count) },
    ),
    node('Conv', ['x', 'x'], ['yConv'], { pads: ints(Array.from({ length: count }, () => 1)) }),
  ];
  return model(graph([tensor('x', [2, 1, 4])], nodes, [tensor('ySum', null)], [one]));
}

function functionsSeed(): Model {
  const scaled = functionOf(
    'Scaled',
    [node('Constant', [], ['k'], { value_float: referenceAttr('k', 'float') }), node('Mul', ['a', 'k'], ['z'])],
    ['k'],
  );
  const twice = functionOf(
    'Twice',
    [
      node('Scaled', ['a'], ['b'], { k: { kind: 'float', value: 2 } }, 'f'),
      node('Flatten', ['b'], ['z'], { axis: referenceAttr('axis', 'int') }),
    ],
    ['axis'],
  );
  const call = node('Twice', ['x'], ['y'], { axis: int(0) }, 'f');
  return model(graph([tensor('x', ['n', 3])], [call], [tensor('y', [1, null])]), [scaled, twice]);
}

function sequencesSeed(): Model {
  const sequence: ValueType = { kind: 'sequence', element: { kind: 'tensor', dtype: 'float32', shape: ['n', 2] } };
  const optional: ValueType = { kind: 'optional', element: sequence };
  const body = graph([untyped('e')], [node('Neg', ['e'], ['m'])], [untyped('m')]);
  const nodes = [
    node('OptionalGetElement', ['o'], ['s']),
    node('SequenceMap', ['s'], ['t'], { body: graphAttr(body) }),
    node('SequenceInsert', ['t', 'w'], ['u']),
    node('ConcatFromSequence', ['u'], ['y'], { axis: int(0) }),
    node('SplitToSequence', ['y', 'two'], ['parts'], { axis: int(1) }),
    node('SequenceAt', ['parts', 'first'], ['z']),
  ];
  const stored = [
    { name: 'w', value: float32([1, 2], [1, 2]) },
    { name: 'two', value: int64([], [2]) },
    { name: 'first', value: int64([], [0]) },
  ];
  return model(graph([{ name: 'o', type: optional }], nodes, [tensor('z', [null, 2])], stored));
}

function externalSeed(): Model {
  const nodes = [
    node('Add', ['x', 'w'], ['h']),
    node('Constant', [], ['c'], { value: { kind: 'tensor', value: external('', 'net.data') } }),
    node('Add', ['h', 'c'], ['y']),
  ];
  return model(graph([vector], nodes, [tensor('y', [2])], [external('w', 'weights/net.data')]));
}

/** Files of the corpus by name; `corpus.test.ts` compares them with what lies there. */
export const MADE: Readonly<Record<string, () => Model>> = {
  'functions.onnx': functionsSeed,
  'sequences.onnx': sequencesSeed,
  'external.onnx': externalSeed,
  'external-escape-attribute.onnx': () =>
    model(graph([], [node('Constant', [], ['y'], { value: escaping })], [tensor('y', [2])])),
  'external-escape-function.onnx': () =>
    model(graph([vector], [node('F', ['x'], ['y'], {}, 'f')], [tensor('y', [2])]), [
      functionOf('F', [node('Constant', [], ['k'], { value: escaping }), node('Add', ['a', 'k'], ['z'])]),
    ]),
  'duplicate-value.onnx': () =>
    model(graph([vector], [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])], [tensor('y', [2])])),
  'duplicate-function.onnx': () =>
    model(graph([vector], [node('F', ['x'], ['y'], {}, 'f')], [tensor('y', [2])]), [
      functionOf('F', [node('Relu', ['a'], ['z'])]),
      functionOf('F', [node('Neg', ['a'], ['z'])]),
    ]),
  'function-cycle.onnx': () =>
    model(graph([vector], [node('F', ['x'], ['y'], {}, 'f')], [tensor('y', [2])]), [
      functionOf('F', [node('G', ['a'], ['z'], {}, 'f')]),
      functionOf('G', [node('F', ['a'], ['z'], {}, 'f')]),
    ]),
  'function-bomb.onnx': () => doublingFunctions(40),
  'function-depth.onnx': () => deepFunctions(150),
  'nested-loops.onnx': () => nestedLoops(8),
  'shape-contradiction.onnx': () =>
    model(
      graph(
        [vector],
        [node('MatMul', ['x', 'w'], ['y'])],
        [tensor('y', [1])],
        [{ name: 'w', value: float32([3, 1], [1, 2, 3]) }],
      ),
    ),
};
