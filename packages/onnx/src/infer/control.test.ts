import { describe, expect, it } from 'vitest';
import {
  float32,
  graphAttr,
  GraphBuilder,
  inferShapes,
  int,
  int64,
  ints,
  OnnxError,
  referenceAttr,
  type Dim,
  type FunctionBody,
  type Graph,
  type InferOptions,
  type Model,
  type Node,
  type ValueType,
} from '../index.js';
import { NEWEST_OPSET } from '../specs/lookup.js';

type Build = (b: GraphBuilder) => string;

function typeOf(build: Build, options?: InferOptions): ValueType | null {
  const b = new GraphBuilder();
  b.output(build(b), null, null);
  b.graph.outputs[0]!.type = null;
  return inferShapes(b.build({ opset: NEWEST_OPSET }), options).graph.outputs[0]!.type;
}

const tensor = (shape: readonly Dim[] | null): ValueType => ({ kind: 'tensor', dtype: 'float32', shape });

/** A graph inside a node: names of inputs, and what it makes of them. */
function body(inputs: readonly string[], outer: readonly string[], build: (b: GraphBuilder) => string[]): Graph {
  const b = new GraphBuilder(undefined, new Set([...inputs, ...outer]));
  for (const name of inputs) b.graph.inputs.push({ name, type: null });
  for (const name of build(b)) b.graph.outputs.push({ name, type: null });
  return b.graph;
}

const input = (b: GraphBuilder): string => b.input('x', 'float32', ['n', 4]);

/** A Loop that appends its state to itself, while `go` holds, and collects a slice of the state. */
function doubling(b: GraphBuilder, trips: string, go = ''): [string, string] {
  const grow = body(['i', 'go', 's'], ['x'], (inner) => [
    inner.node('Identity', ['go']),
    inner.node('Concat', ['s', 's'], { axis: int(0) }),
    inner.node('ReduceSum', ['s', inner.constant(int64([1], [0]))], { keepdims: int(0) }),
  ]);
  const [state, slices] = b.node('Loop', [trips, go, 'x'], { body: graphAttr(grow) }, 2) as [string, string];
  return [state, slices];
}

describe('loops', () => {
  const trips = (b: GraphBuilder, n: number): string => b.constant(int64([], [n]));
  const x = (b: GraphBuilder): string => b.input('x', 'float32', [3, 4]);

  it('are followed trip by trip where their number is known', () => {
    expect(typeOf((b) => (x(b), doubling(b, trips(b, 3))[0]))).toEqual(tensor([24, 4]));
    expect(typeOf((b) => (x(b), doubling(b, trips(b, 3))[1]))).toEqual(tensor([3, 4]));
  });

  it('leave the state alone when they make no trip', () => {
    expect(typeOf((b) => (x(b), doubling(b, trips(b, 0))[0]))).toEqual(tensor([3, 4]));
    expect(typeOf((b) => (x(b), doubling(b, trips(b, 0))[1]))).toEqual(tensor([0, 4]));
  });

  it('give up the sizes that change where the number of trips is unknown, and name that number', () => {
    const unknown = (b: GraphBuilder): [string, string] => (x(b), doubling(b, b.input('trips', 'int64', [])));
    expect(typeOf((b) => unknown(b)[0])).toEqual(tensor([null, 4]));
    const slices = typeOf((b) => unknown(b)[1]);
    expect(slices).toEqual(tensor(['Loop_out0_trips', 4]));
    // Known values of the inputs decide.
    const known = new Map([['trips', int64([], [2])]]);
    expect(typeOf((b) => unknown(b)[0], { known })).toEqual(tensor([12, 4]));
  });

  it('make as many slices as a symbol that limits them says', () => {
    const counted = (b: GraphBuilder): string => {
      input(b);
      const n = b.node('Gather', [b.node('Shape', ['x']), b.constant(int64([], [0]))]);
      return doubling(b, n)[1];
    };
    expect(typeOf(counted)).toEqual(tensor(['n', 4]));
  });

  it('end when their condition says so', () => {
    const until = (b: GraphBuilder): string => {
      x(b);
      const count = body(['i', 'go', 's'], ['x', 'limit'], (inner) => [
        inner.node('Less', ['i', 'limit']),
        inner.node('Concat', ['s', 'x'], { axis: int(0) }),
      ]);
      b.initializer('limit', int64([], [2]));
      return b.node('Loop', ['', '', 'x'], { body: graphAttr(count) });
    };
    // Trips 0, 1 and 2 run; the condition after trip 2 is false.
    expect(typeOf(until)).toEqual(tensor([12, 4]));
  });

  it('keep symbols of their bodies to themselves', () => {
    const nested = (b: GraphBuilder): string => {
      x(b);
      b.input('trips', 'int64', []);
      const inner = body(['j', 'go2', 't'], ['x'], (c) => [c.node('Identity', ['go2']), 't', c.node('Relu', ['t'])]);
      const outer = body(['i', 'go', 's'], ['x', 'trips'], (c) => {
        const [, made] = c.node('Loop', ['trips', '', 'x'], { body: graphAttr(inner) }, 2) as [string, string];
        return [c.node('Identity', ['go']), c.node('Identity', [made])];
      });
      return b.node('Loop', ['trips', '', 'x'], { body: graphAttr(outer) });
    };
    expect(typeOf(nested)).toEqual(tensor(null));
  });
});

describe('Scan and SequenceMap', () => {
  const sum = body(['s', 'slice'], ['x'], (b) => {
    const added = b.node('Add', ['s', 'slice']);
    return [added, b.node('Neg', [added])];
  });

  it('stack slices on the axis that is asked for', () => {
    const scanned = (b: GraphBuilder): string => {
      input(b);
      const axes = { scan_input_axes: ints([1]), scan_output_axes: ints([-1]) };
      const start = b.input('start', 'float32', ['n']);
      return b.node('Scan', [start, 'x'], { num_scan_inputs: int(1), body: graphAttr(sum), ...axes }, 2)[1]!;
    };
    expect(typeOf(scanned)).toEqual(tensor(['n', 4]));
  });

  it('refuse a state that changes its shape', () => {
    const scanned = (b: GraphBuilder): string => {
      input(b);
      const start = b.input('start', 'float32', [1]);
      return b.node('Scan', [start, 'x'], { num_scan_inputs: int(1), body: graphAttr(sum) }, 2)[0]!;
    };
    expect(codeOf(() => typeOf(scanned))).toBe('shape');
  });

  it('map each element of a sequence of known length', () => {
    const mapped = (b: GraphBuilder): string => {
      const [one, two] = [b.input('a', 'float32', [2, 5]), b.input('b', 'float32', [3, 5])];
      const turn = body(['e'], [], (inner) => [inner.node('Transpose', ['e'], { perm: ints([1, 0]) })]);
      const sequence = b.node('SequenceConstruct', [one, two]);
      const turned = b.node('SequenceMap', [sequence], { body: graphAttr(turn) });
      return b.node('ConcatFromSequence', [turned], { axis: int(1) });
    };
    expect(typeOf(mapped)).toEqual(tensor([5, 5]));
  });
});

describe('If', () => {
  const chosen =
    (condition: (b: GraphBuilder) => string, then: string, otherwise: string): Build =>
    (b) => {
      input(b);
      const branch = (op: string): Graph => body([], ['x'], (inner) => [inner.node(op, ['x'])]);
      const branches = { then_branch: graphAttr(branch(then)), else_branch: graphAttr(branch(otherwise)) };
      return b.node('If', [condition(b)], branches);
    };
  const unknown = (b: GraphBuilder): string => b.input('c', 'bool', []);

  it('gives what both branches say', () => {
    expect(typeOf(chosen(unknown, 'Relu', 'Neg'))).toEqual(tensor(['n', 4]));
    expect(typeOf(chosen(unknown, 'Relu', 'Transpose'))).toEqual(tensor([null, null]));
  });

  it('gives what the branch says that a computed condition takes', () => {
    const two = (b: GraphBuilder): string =>
      b.node('Equal', [b.node('Size', [b.node('Shape', ['x'])]), b.constant(int64([], [2]))]);
    expect(typeOf(chosen(two, 'Transpose', 'Relu'))).toEqual(tensor([4, 'n']));
  });

  it('takes the only branch that later nodes allow', () => {
    const squeezed = (b: GraphBuilder): string => {
      const rank3 = chosen(unknown, 'Relu', 'Size')(b);
      return b.node('MatMul', [rank3, b.constant(float32([4, 2], new Float32Array(8)))]);
    };
    // A scalar has no matrix product, so the branch that would give one is never taken.
    expect(typeOf(squeezed)).toEqual(tensor(['n', 2]));
  });
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
  return 'none';
}

describe('model-local functions', () => {
  const node = (op: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node => ({
    op,
    domain: '',
    name: '',
    inputs,
    outputs,
    attributes: new Map(),
    ...more,
  });
  const define = (name: string, nodes: Node[]): FunctionBody => ({
    domain: 'local',
    name,
    inputs: ['a'],
    outputs: ['z'],
    attributes: ['axis'],
    nodes,
    opsets: new Map([
      ['', 21],
      ['local', 1],
    ]),
  });
  function call(functions: FunctionBody[], axis?: number): Model {
    const b = new GraphBuilder();
    input(b);
    const attributes = { axis: axis === undefined ? undefined : int(axis) };
    const y = b.node('Outer', ['x'], attributes, 1, { domain: 'local' });
    b.output(y, null, null);
    b.graph.outputs[0]!.type = null;
    return { ...b.build({ opsets: { local: 1 } }), functions };
  }
  const reference = new Map([['axis', referenceAttr('axis', 'int')]]);
  const inner = define('Inner', [node('Flatten', ['a'], ['z'], { attributes: reference })]);
  const outer = define('Outer', [
    node('Transpose', ['a'], ['t']),
    node('Inner', ['t'], ['z'], { domain: 'local', attributes: reference }),
  ]);

  it('are followed, with the attributes of the call', () => {
    const shape = (axis?: number): ValueType | null => inferShapes(call([inner, outer], axis)).graph.outputs[0]!.type;
    expect(shape(2)).toEqual(tensor([null, 1]));
    expect(shape(0)).toEqual(tensor([1, null]));
    // Without the attribute that of Flatten is 1.
    expect(shape()).toEqual(tensor([4, 'n']));
  });

  it('may not call themselves', () => {
    const self = define('Outer', [node('Outer', ['a'], ['z'], { domain: 'local' })]);
    expect(codeOf(() => inferShapes(call([self])))).toBe('illegal-model');
  });

  it('may not amount to too many nodes', () => {
    const levels = Array.from({ length: 25 }, (_, i) =>
      define(`F${i}`, [
        node(`F${i + 1}`, ['a'], ['b'], { domain: 'local' }),
        node(`F${i + 1}`, ['b'], ['z'], { domain: 'local' }),
      ]),
    );
    const top = define('Outer', [node('F0', ['a'], ['z'], { domain: 'local' })]);
    expect(codeOf(() => inferShapes(call([top, ...levels])))).toBe('too-large');
  });

  it('report what contradicts inside them by the node', () => {
    const wrong = define('Outer', [node('Concat', ['a'], ['z'], { attributes: new Map([['axis', int(7)]]) })]);
    expect(() => inferShapes(call([wrong]))).toThrow(/Concat "z": axis 7 is outside of rank 2/);
  });
});

describe('sequences and optional values', () => {
  it('know the parts that a tensor is split into', () => {
    const part =
      (at: number): Build =>
      (b) => {
        const x = b.input('x', 'float32', [7, 'n']);
        const parts = b.node('SplitToSequence', [x, b.constant(int64([], [3]))]);
        return b.node('SequenceAt', [parts, b.constant(int64([], [at]))]);
      };
    expect(typeOf(part(0))).toEqual(tensor([3, 'n']));
    expect(typeOf(part(-1))).toEqual(tensor([1, 'n']));
    expect(codeOf(() => typeOf(part(3)))).toBe('shape');
  });

  it('refuse an element of another type', () => {
    const mixed = (b: GraphBuilder): string =>
      b.node('SequenceInsert', [b.node('SequenceEmpty', [], { dtype: int(7) }), input(b)]);
    expect(codeOf(() => typeOf(mixed))).toBe('shape');
  });

  it('wrap and unwrap optional values', () => {
    const wrapped = (b: GraphBuilder): string => b.node('OptionalGetElement', [b.node('Optional', [input(b)])]);
    expect(typeOf(wrapped)).toEqual(tensor(['n', 4]));
    expect(typeOf((b) => b.node('Optional', [input(b)]))).toEqual({ kind: 'optional', element: tensor(['n', 4]) });
  });

  it('make maps of classifiers', () => {
    const zip = (b: GraphBuilder): string =>
      b.node('ZipMap', [input(b)], { classlabels_strings: { kind: 'strings', value: ['a', 'b', 'c', 'd'] } }, 1, {
        domain: 'ai.onnx.ml',
      });
    const element: ValueType = { kind: 'map', key: 'string', value: tensor([]) };
    expect(typeOf(zip)).toEqual({ kind: 'sequence', element });
  });
});
