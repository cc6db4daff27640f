import { Random } from '@verge/data';
import { float32, GraphBuilder, int, ints, str, type Attribute } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { outputWith, randomTensor } from '../test-models.js';
import { readsOf } from './reads.js';

const outputOf = outputWith(createSession);

const cases: [string, string, number[], number[], number, Record<string, Attribute>][] = [
  ['strides, pads and dilations', 'Conv', [2, 4, 9, 7], [6, 4, 3, 2], 0, { strides: ints([2, 1]), pads: ints([1, 0, 2, 1]), dilations: ints([1, 2]) }], // prettier-ignore
  ['groups', 'Conv', [2, 6, 5, 5], [4, 3, 3, 3], 0, { group: int(2), pads: ints([1, 1, 1, 1]) }],
  ['a filter for each channel, padded by name', 'Conv', [2, 3, 8, 8], [3, 1, 3, 3], 0, { group: int(3), auto_pad: str('SAME_UPPER'), strides: ints([2, 2]) }], // prettier-ignore
  ['one axis', 'Conv', [2, 3, 11], [5, 3, 4], 0, { pads: ints([3, 0]) }],
  ['a product over rows of rows', 'MatMul', [2, 5, 4], [4, 6], 1, {}],
  ['a transposed matrix', 'Gemm', [3, 4], [6, 4], 0, { transB: int(1) }],
];

describe('rows that are read', () => {
  it.each(cases)('times the weight are what the layer gives: %s', async (_, op, given, dims, axis, attributes) => {
    const [x, weight] = [randomTensor(given, 3), randomTensor(dims, 4)];
    const g = new GraphBuilder();
    const y = g.node(op, [g.input('x', 'float32', given), g.initializer('w', float32(dims, weight.data))], attributes);
    g.output(y, 'float32', null);
    const model = g.build();
    const output = await outputOf(model, x);
    const { layout, read, places } = readsOf(model.graph.nodes[0]!, dims, axis);
    const { groups, length, columns } = layout;
    const channels = groups * columns;
    expect(output).toHaveLength(given[0]! * places(given) * channels);
    // By sample, place and channel, wherever the operator has channels.
    const plane = op === 'Conv' ? places(given) : 1;
    const at = (place: number, c: number): number =>
      output[Math.floor(place / plane) * plane * channels + c * plane + (place % plane)]!;
    const random = new Random(5);
    const seen = new Set<number>();
    const perSample = places(given);
    for (let trial = 0; trial < 60; trial++) {
      const sample = trial % given[0]!;
      const rows = Array.from({ length: groups }, () => new Float32Array(length));
      read(x, sample, random, rows);
      const made = Array.from({ length: channels }, (__, c) =>
        rows[Math.floor(c / columns)]!.reduce((sum, v, k) => sum + v * weight.data[layout.at(c, k)]!, 0),
      );
      const own = Array.from({ length: perSample }, (__, p) => sample * perSample + p);
      const same = own.filter((place) => made.every((v, c) => Math.abs(v - at(place, c)) < 1e-5));
      expect(same).toHaveLength(1);
      seen.add(same[0]!);
    }
    expect(seen.size).toBeGreaterThan(Math.min(given[0]! * perSample, 20) / 2);
  });
});
