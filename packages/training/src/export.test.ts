import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int, int64, type Model } from '@verge/onnx';
import { exportInference, logitsModel } from './export.js';
import { buildTrainingModel } from './training-model.js';

function model(end: string): Model {
  const b = new GraphBuilder();
  const product = b.node('MatMul', [
    b.input('x', 'float32', ['N', 2]),
    b.initializer('w', float32([2, 3], [1, 2, 3, 4, 5, 6])),
  ]);
  b.output(b.node(end, [product]), 'float32', ['N', 3]);
  return b.build();
}

const options = { loss: { kind: 'cross-entropy' }, optimizer: { name: 'sgd', learningRate: 0.1 }, batch: 4 } as const;

describe('exportInference', () => {
  it('replaces values and nothing else', () => {
    const before = model('Softmax');
    const bytes = encodeModel(before);
    const after = exportInference(before, new Map([['w', Float32Array.of(6, 5, 4, 3, 2, 1)]]));
    expect(after.graph.initializers.get('w')!.value).toEqual(float32([2, 3], [6, 5, 4, 3, 2, 1]));
    expect(encodeModel(before)).toEqual(bytes);
    expect(encodeModel(exportInference(after, new Map([['w', Float32Array.of(1, 2, 3, 4, 5, 6)]])))).toEqual(bytes);
  });

  it('names every value that does not fit', () => {
    const values = new Map([
      ['w', new Float32Array(5)],
      ['v', new Float32Array(1)],
    ]);
    expect(() => exportInference(model('Softmax'), values)).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 2 }) }),
    );
  });
});

describe('logitsModel', () => {
  it('cuts a closing Softmax off and leaves other models alone', () => {
    const plain = model('Relu');
    expect(logitsModel(plain)).toBe(plain);
    for (const end of ['Softmax', 'LogSoftmax']) {
      const cut = logitsModel(model(end));
      expect(cut.graph.nodes.map((n) => n.op)).toEqual(['MatMul']);
      expect(cut.graph.outputs[0]!.name).toBe(cut.graph.nodes[0]!.outputs[0]);
    }
  });
});

describe('logitsModel behind what exporters add', () => {
  /** MatMul, Softmax over `axis`, then Identity nodes; optionally the probabilities are an output as well. */
  function chain(opset: number, axis: number | undefined, shape: number[], second = false): Model {
    const b = new GraphBuilder();
    const product = b.node('MatMul', [
      b.input('x', 'float32', ['N', ...shape, 2]),
      b.initializer('w', float32([2, 3], [1, 2, 3, 4, 5, 6])),
    ]);
    const soft = b.node('Softmax', [product], axis === undefined ? {} : { axis: int(axis) });
    b.output(b.node('Identity', [b.node('Identity', [soft])]), 'float32', ['N', ...shape, 3]);
    if (second) b.output(soft, 'float32', ['N', ...shape, 3]);
    return b.build({ opset });
  }

  it('cuts Identity nodes with the Softmax', () => {
    expect(logitsModel(chain(21, undefined, [])).graph.nodes.map((n) => n.op)).toEqual(['MatMul']);
    expect(logitsModel(chain(11, undefined, [])).graph.nodes.map((n) => n.op)).toEqual(['MatMul']);
  });

  it('keeps a Softmax that another output reads', () => {
    const cut = logitsModel(chain(21, -1, [], true)).graph;
    expect(cut.nodes.map((n) => n.op)).toEqual(['MatMul', 'Softmax']);
    expect(cut.outputs.map((o) => o.name)).toEqual([cut.nodes[0]!.outputs[0], cut.nodes[1]!.outputs[0]]);
  });

  it('leaves a Softmax over another axis alone', () => {
    for (const model of [chain(21, 1, [4]), chain(11, undefined, [4])]) expect(logitsModel(model)).toBe(model);
  });
});

describe('models that cannot be trained', () => {
  const refused = (m: Model, text: RegExp): void => {
    expect(() => buildTrainingModel(m, options)).toThrow(expect.objectContaining({ code: 'bad-model' }));
    expect(() => buildTrainingModel(m, options)).toThrow(text);
  };

  it('have no parameters', () => {
    const b = new GraphBuilder();
    b.output(b.node('Relu', [b.input('x', 'float32', ['N', 3])]), 'float32', ['N', 3]);
    refused(b.build(), /no constants that could be trained/);
  });

  it('have open dimensions, an unknown opset, no input: every reason at once', () => {
    const b = new GraphBuilder();
    const sum = b.node('Add', [b.input('x', 'float32', ['N', 'width']), b.input('z', 'float32', ['N', 'depth'])]);
    b.output(sum, 'float32', null);
    refused(b.build(), /'x' has open dimensions.*'z' has open dimensions/);
    const bare = new GraphBuilder();
    bare.output(bare.node('Relu', [bare.initializer('w', float32([2], [1, 2]))]), 'float32', [2]);
    refused(bare.build(), /it has no input/);
    refused({ ...model('Relu'), opsets: new Map([['', 6]]) }, /opset 6/);
  });

  it('have shapes that contradict each other', () => {
    const b = new GraphBuilder();
    const w = b.initializer('w', float32([4, 3], new Float32Array(12)));
    b.output(b.node('MatMul', [b.input('x', 'float32', ['N', 2]), w]), 'float32', ['N', 3]);
    refused(b.build(), /shapes/);
  });

  it('compute a shape from the data', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['N', 4]);
    const rows = b.node('NonZero', [x]);
    const product = b.node('MatMul', [x, b.initializer('w', float32([4, 2], new Float32Array(8)))]);
    const shape = b.node('Concat', [b.node('Shape', [rows]), b.initializer('c', int64([1], [1]))], {
      axis: { kind: 'int', value: 0n },
    });
    b.output(b.node('Reshape', [product, shape]), 'float32', null);
    refused(b.build(), /shape/);
  });
});
