/** Plans by foretold time, on networks whose times are given. */
import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder, type KernelTime, type Model } from '@verge/onnx';
import { labelled, labelOf, timesOfNodes } from './labels.js';
import { LatencyModel } from './latency.js';
import { Mixtures } from './mixtures.js';
import { planQuantization } from '../plan.js';

/** Convolutions of four channels, one behind the other, each with a Relu. */
function chain(length: number): Model {
  const b = new GraphBuilder();
  let x = b.input('x', 'float32', ['N', 4, 8, 8]);
  for (let i = 0; i < length; i++) {
    const weight = b.initializer(`w${i}`, float32([4, 4, 1, 1], new Float32Array(16).fill(0.5)));
    x = b.node('Relu', [b.node('Conv', [x, weight])]);
  }
  b.output(b.node('GlobalAveragePool', [x]), 'float32', ['N', 4, 1, 1]);
  return labelled(b.build());
}

/** @param int8 milliseconds of each convolution; all take 1 in float32 */
function foretold(int8: readonly number[], conversion: number) {
  const model = chain(int8.length);
  const units = planQuantization(model).weighted.map((unit) => unit.node);
  const kernel = (name: string, op: string, milliseconds: number): KernelTime => ({ name, op, milliseconds });
  // In float32 a kernel is called after the Relu that it is fused with, in int8 after the convolution.
  const floats = int8.map((_, i) => kernel(`${labelOf(2 * i + 1)}_nchwc`, 'Conv', 1));
  const integers = int8.map((ms, i) => kernel(`${labelOf(2 * i)}_token`, 'QLinearConv', ms));
  const edges = [kernel('q', 'QuantizeLinear', conversion), kernel('d', 'DequantizeLinear', conversion / 64)];
  const times = {
    float32: timesOfNodes(floats, model, units),
    int8: timesOfNodes([...integers, ...edges], model, units),
  };
  const latency = new LatencyModel(model, times);
  const bytes = new Map(int8.map((_, i) => [2 * i, 64]));
  return { latency, kept: (): number[] => [...new Mixtures(latency, bytes).best()[0]!.keep].sort((a, b) => a - b) };
}

describe('plans of mixed precision', () => {
  it('take the times of kernels by the nodes that these were made of', () => {
    const { latency } = foretold([0.4, 3, 0.4], 0.1);
    expect([0, 2, 4].map((place) => latency.of(place))).toEqual([
      { int8: 0.4, float32: 1 },
      { int8: 3, float32: 1 },
      { int8: 0.4, float32: 1 },
    ]);
    const all = latency.predict(new Set([0, 2, 4]));
    expect(all).toBeCloseTo(3, 9);
    expect(latency.predict(new Set())).toBeCloseTo(3.8 + 0.1 + 0.1 / 64, 2);
  });

  it('know a kernel by the output of the model that it makes', () => {
    const b = new GraphBuilder();
    const weight = b.initializer('w', float32([4, 4, 1, 1], new Float32Array(16).fill(0.5)));
    b.node('Conv', [b.input('x', 'float32', ['N', 4, 8, 8]), weight], {}, 1, { outputNames: ['scores'] });
    b.output('scores', 'float32', ['N', 4, 8, 8]);
    const model = labelled(b.build());
    const units = planQuantization(model).weighted.map((unit) => unit.node);
    const kernels = [
      { name: 'scores_nchwc', op: 'Conv', milliseconds: 2 },
      { name: 'ReorderOutput', op: 'ReorderOutput', milliseconds: 1 },
    ];
    const { of, rest } = timesOfNodes(kernels, model, units);
    expect([[...of], rest.map((kernel) => kernel.name)]).toEqual([[[0, 2]], ['ReorderOutput']]);
  });

  it('leave in float32 what is slower in int8, where that pays for the conversions', () => {
    expect(foretold([3, 2, 0.4, 0.4, 0.4], 0.1).kept()).toEqual([0, 2]);
    expect(foretold([0.4, 0.4, 3, 0.4, 0.4], 0.1).kept()).toEqual([4]);
    expect(foretold([0.4, 0.4, 1.1, 0.4, 0.4], 0.3).kept()).toEqual([]);
    expect(foretold([2, 2, 2, 2], 0.1).kept()).toEqual([0, 2, 4, 6]);
  });

  it('prefer int8 where both take as long', () => {
    expect(foretold([1, 1, 1], 0.0001).kept()).toEqual([]);
  });
});
