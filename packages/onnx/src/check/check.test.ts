import { describe, expect, it } from 'vitest';
import {
  assertLegal,
  checkModel,
  float,
  float32,
  graphAttr,
  GraphBuilder,
  int,
  ints,
  LegalityError,
  referenceAttr,
  tensorInfo,
  type Graph,
  type Model,
  type Node,
} from '../index.js';

/** x -> Relu -> r -> Conv(w) -> y */
function legal(): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [1, 2, 4, 4]);
  b.initializer('w', float32([2, 2, 1, 1], [1, 0, 0, 1]));
  b.node('Relu', ['x'], {}, 1, { name: 'relu', outputNames: ['r'] });
  b.node('Conv', ['r', 'w'], { group: int(1) }, 1, { name: 'conv', outputNames: ['y'] });
  b.output('y', 'float32', [1, 2, 4, 4]);
  return b.build();
}

const node = (op: string, inputs: string[], outputs: string[], extra: Partial<Node> = {}): Node => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs,
  attributes: new Map(),
  ...extra,
});

const branch = (nodes: Node[], output: string): Graph => ({
  name: 'branch',
  inputs: [],
  outputs: [tensorInfo(output, 'float32', null)],
  nodes,
  initializers: new Map(),
  sparseInitializers: [],
  values: new Map(),
});

const relu = (m: Model): Node => m.graph.nodes[0]!;
const conv = (m: Model): Node => m.graph.nodes[1]!;

const faults: [string, (m: Model) => void][] = [
  ['ir-version', (m) => (m.irVersion = 0)],
  ['opset-missing', (m) => m.opsets.clear()],
  ['opset-missing', (m) => (relu(m).domain = 'org.unknown')],
  ['unknown-operator', (m) => (relu(m).op = 'Rellu')],
  ['deprecated-operator', (m) => (relu(m).op = 'Upsample')],
  ['missing-operator', (m) => (relu(m).op = '')],
  ['input-count', (m) => conv(m).inputs.pop()],
  ['output-count', (m) => relu(m).outputs.push('z')],
  ['attribute-missing', (m) => m.graph.nodes.push(node('Cast', ['y'], ['c']))],
  ['attribute-unknown', (m) => relu(m).attributes.set('alpha', float(1))],
  ['attribute-kind', (m) => conv(m).attributes.set('group', ints([1]))],
  ['attribute-reference', (m) => conv(m).attributes.set('group', referenceAttr('g', 'int'))],
  ['undefined-input', (m) => (relu(m).inputs[0] = 'nobody')],
  ['undefined-output', (m) => m.graph.outputs.push(tensorInfo('nobody', 'float32', null))],
  ['duplicate-value', (m) => m.graph.nodes.push(node('Relu', ['y'], ['r']))],
  ['duplicate-value', (m) => m.graph.nodes.push(node('Relu', ['y'], ['w']))],
  ['duplicate-value', (m) => m.graph.inputs.push(tensorInfo('x', 'float32', [1]))],
  ['empty-name', (m) => m.graph.inputs.push(tensorInfo('', 'float32', [1]))],
  ['topological-order', (m) => m.graph.nodes.reverse()],
  ['cycle', (m) => (relu(m).inputs[0] = 'y')],
  ['cycle', (m) => (relu(m).inputs[0] = 'r')],
  ['missing-type', (m) => (m.graph.inputs[0]!.type = null)],
  ['negative-dimension', (m) => (m.graph.inputs[0] = tensorInfo('x', 'float32', [-1, 2]))],
  ['initializer-not-input', (m) => (m.irVersion = 3)],
  ['initializer-type', (m) => m.graph.inputs.push(tensorInfo('w', 'float32', [3]))],
  ['initializer-segment', (m) => (m.graph.initializers.get('w')!.segment = { begin: 0, end: 4 })],
  [
    'external-path',
    (m) =>
      (m.graph.initializers.get('w')!.value = {
        dtype: 'float32',
        dims: [2, 2, 1, 1],
        external: { location: '../../secrets', offset: 0, length: 16 },
      }),
  ],
  [
    'sparse-tensor',
    (m) =>
      m.graph.sparseInitializers.push({
        values: { name: 's', value: float32([2], [1, 2]) },
        indices: { name: '', value: float32([2], [0, 1]) },
        dims: [4],
      }),
  ],
  [
    'duplicate-function',
    (m) => {
      const f = { domain: 'f', name: 'F', inputs: [], outputs: [], attributes: [], nodes: [], opsets: new Map() };
      m.functions.push(f, f);
    },
  ],
  [
    'function-cycle',
    (m) => {
      const body = [node('F', ['a'], ['b'], { domain: 'f' })];
      const opsets = new Map([['f', 1]]);
      m.functions.push({ domain: 'f', name: 'F', inputs: ['a'], outputs: ['b'], attributes: [], nodes: body, opsets });
    },
  ],
  [
    'shadowed-value',
    (m) => {
      const inner = (): Graph => branch([node('Relu', ['x'], ['r'])], 'r');
      const attributes = new Map([
        ['then_branch', graphAttr(inner())],
        ['else_branch', graphAttr(inner())],
      ]);
      m.graph.inputs.push(tensorInfo('c', 'bool', []));
      m.graph.nodes.push(node('If', ['c'], ['out'], { attributes }));
    },
  ],
];

describe('the legality check', () => {
  it('finds nothing in a legal model', () => {
    expect(checkModel(legal())).toEqual([]);
  });

  it.each(faults)('finds %s', (code, breakIt) => {
    const model = legal();
    breakIt(model);
    expect(checkModel(model).map((d) => d.code)).toContain(code);
  });

  it('lets subgraphs see outer values and functions use their attributes', () => {
    const model = legal();
    const inner = (name: string): Graph => branch([node('Relu', ['x'], [name])], name);
    const attributes = new Map([
      ['then_branch', graphAttr(inner('t'))],
      ['else_branch', graphAttr(inner('e'))],
    ]);
    model.graph.inputs.push(tensorInfo('c', 'bool', []));
    model.graph.nodes.push(node('If', ['c'], ['out'], { attributes }), node('F', ['out'], ['g'], { domain: 'f' }));
    model.opsets.set('f', 1);
    const leaky = node('LeakyRelu', ['a'], ['b'], {
      attributes: new Map([['alpha', referenceAttr('slope', 'float')]]),
    });
    const opsets = new Map([['', 21]]);
    const body = {
      domain: 'f',
      name: 'F',
      inputs: ['a'],
      outputs: ['b'],
      attributes: ['slope'],
      nodes: [leaky],
      opsets,
    };
    model.functions.push(body);
    expect(checkModel(model)).toEqual([]);
  });

  it('throws with every finding, and names the node', () => {
    const model = legal();
    relu(model).inputs[0] = 'nobody';
    conv(model).inputs.pop();
    let error: unknown;
    try {
      assertLegal(model);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(LegalityError);
    const { code, diagnostics } = error as LegalityError;
    expect(code).toBe('illegal-model');
    expect(diagnostics.map((d) => [d.code, d.node])).toEqual([
      ['undefined-input', 'relu'],
      ['input-count', 'conv'],
    ]);
  });

  it('bounds its report', () => {
    const model = legal();
    for (let i = 0; i < 1000; i++) model.graph.nodes.push(node('Relu', [`nobody${i}`], [`n${i}`]));
    const found = checkModel(model, 10);
    expect(found.length).toBe(11);
    expect(found.at(-1)!.code).toBe('too-many');
  });
});
