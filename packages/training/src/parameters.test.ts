import { describe, expect, it } from 'vitest';
import { elementCount, float32, GraphBuilder, int, int64, str } from '@verge/onnx';
import { findParameters } from './parameters.js';

describe('findParameters', () => {
  it('knows the weights of every operator that has some, and leaves other constants alone', () => {
    const b = new GraphBuilder();
    const of = (name: string, ...dims: number[]): string =>
      b.initializer(name, float32(dims, new Float32Array(elementCount(dims))));
    const x = b.input('x', 'float32', [2, 4, 6, 6]);
    let y = b.node('Div', [x, of('factor')]);
    y = b.node('ConvTranspose', [y, of('deconv.w', 4, 4, 3, 3), of('deconv.b', 4)]);
    y = b.node('PRelu', [y, of('slope', 4, 1, 1)]);
    y = b.node('InstanceNormalization', [y, of('in.scale', 4), of('in.shift', 4)]);
    y = b.node('GroupNormalization', [y, of('gn.scale', 4), of('gn.shift', 4)], { num_groups: int(2) });
    y = b.node('LayerNormalization', [y, of('ln.scale', 8), of('ln.shift', 8)]);
    y = b.node('RMSNormalization', [y, of('rms.scale', 8)]);
    y = b.node('Einsum', [y, of('einsum.w', 8, 3)], { equation: str('nchw,wk->nchk') });
    y = b.node('Add', [of('einsum.b', 3), y]);
    const word = b.node('Gather', [of('embedding', 10, 3), b.initializer('word', int64([], [4]))]);
    y = b.node('Clip', [b.node('Mul', [y, word]), of('low'), of('high')]);
    b.output(y, 'float32', null);
    expect(Object.fromEntries(findParameters(b.graph))).toEqual({
      'deconv.w': 'weight',
      'deconv.b': 'bias',
      slope: 'scale',
      'in.scale': 'scale',
      'in.shift': 'shift',
      'gn.scale': 'scale',
      'gn.shift': 'shift',
      'ln.scale': 'scale',
      'ln.shift': 'shift',
      'rms.scale': 'scale',
      'einsum.w': 'weight',
      'einsum.b': 'bias',
      embedding: 'weight',
    });
  });

  it('looks behind quantisation and transposition', () => {
    const b = new GraphBuilder();
    const scale = b.initializer('scale', float32([], [0.1]));
    const stored = b.initializer('w', float32([3, 4], new Float32Array(12)));
    const level = b.node('QuantizeLinear', [b.node('Transpose', [stored]), scale]);
    const w = b.node('DequantizeLinear', [level, scale]);
    b.output(b.node('MatMul', [b.input('x', 'float32', [2, 4]), w]), 'float32', null);
    const fixed = b.initializer('q', { dtype: 'int8', dims: [3, 3], data: new Int8Array(9) });
    b.node('MatMul', [b.graph.outputs[0]!.name, b.node('DequantizeLinear', [fixed, scale])]);
    expect(Object.fromEntries(findParameters(b.graph))).toEqual({ w: 'weight' });
  });
});
