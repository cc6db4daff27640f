import type { Samples } from '@verge/data';
import { classOutput, GraphBuilder, int, int64, type Model, type OutputPort, strs } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { LabelReader, placesOf } from './classes.js';
import type { Assessment, QualityOptions } from './measure-quality.js';
import { assessAll } from './test-assess.js';

const port = (name: string, dtype: string, ...shape: (number | string)[]): OutputPort => ({ name, dtype, shape });

describe('the output that says the class', () => {
  it.each<[string, OutputPort[], string | null]>([
    ['scores after a label', [port('l', 'int64', ''), port('p', 'float32', '', 3)], 'p'],
    ['scores of as many classes as there are', [port('e', 'float32', 'n', 128), port('p', 'float32', 'n', 3)], 'p'],
    ['the first scores where none has as many', [port('a', 'float64', -1, 4), port('b', 'float32', -1, 5)], 'a'],
    ['scores of unknown rank', [port('p', 'float16')], 'p'],
    ['labels where one score says nothing', [port('l', 'int64', '', 1), port('p', 'float32', '', 1)], 'l'],
    ['text', [port('l', 'string', 'n')], 'l'],
    ['nothing', [port('mask', 'bool', 'n'), port('boxes', 'int64', 'n', 4)], null],
  ])('is %s', (_, outputs, name) => {
    expect(classOutput(outputs, 3)?.name ?? null).toBe(name);
  });
});

describe('classes of model and data', () => {
  it('are matched by name, numbers by value, else by position', () => {
    expect(placesOf(['b', 'a', 'z'], ['a', 'b'])).toEqual({ places: [1, 0, -1], by: 'name' });
    expect(placesOf(['2', '1'], ['1.0', '2.0'])).toEqual({ places: [1, 0], by: 'name' });
    expect(placesOf(['0', '1'], ['no', 'yes'])).toEqual({ places: [0, 1], by: 'position' });
    expect(() => placesOf(['x'], ['no', 'yes'])).toThrow("the model's classes are x; those of the data are no, yes");
    expect(() => placesOf(['5'], ['no', 'yes'])).toThrow(/classes are 5/);
  });

  it('stay as the first batch decided', () => {
    const reader = new LabelReader(['no', 'yes'], null);
    expect(reader.read(['1', '0', '1'])).toEqual([1, 0, 1]);
    expect(reader.read(['7', '0'])).toEqual([-1, 0]);
    expect(reader.by).toBe('position');
  });
});

const samples: Samples = {
  x: Float32Array.of(9, 1, 2, 1, 9, 2, 1, 2, 9),
  shape: [3],
  y: Int32Array.of(2, 0, 1),
  labels: ['a', 'b', 'c'],
  name: 'three',
};

const assess = async (model: Model, data: Samples, options: QualityOptions = {}): Promise<Assessment> =>
  (await assessAll(createSession, [model], data, options))[0]!;

describe('scoring', () => {
  it('takes the output that is named, which has to say classes', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 3]);
    b.node('Identity', [x], {}, 1, { outputNames: ['p'] });
    b.node('Neg', [x], {}, 1, { outputNames: ['q'] });
    const model = b.build();
    for (const [name, dtype] of [
      ['p', 'float32'],
      ['q', 'float32'],
    ] as const)
      // prettier-ignore
      model.graph.outputs.push({ name, type: { kind: 'tensor', dtype, shape: ['n', 3] } });
    const right = { ...samples, y: Int32Array.of(0, 1, 2) };
    expect((await assess(model, right)).accuracy!.accuracy).toBe(1);
    expect((await assess(model, right, { output: 'q' })).accuracy!.accuracy).toBe(0);
    const { failures } = await assess(model, right, { output: 'z' });
    expect(failures[0]!.message).toMatch(/no output 'z'; the outputs are 'p' float32 \[\?, 3\], 'q' float32 \[\?, 3\]/);
  });

  it('puts columns in the order of the data: ZipMap names them', async () => {
    const b = new GraphBuilder();
    const labels = { classlabels_strings: strs(['c', 'a', 'b']) };
    b.node('ZipMap', [b.input('x', 'float32', ['n', 3])], labels, 1, { domain: 'ai.onnx.ml', outputNames: ['maps'] });
    const model = b.build({ opsets: { 'ai.onnx.ml': 3 } });
    const value = { kind: 'tensor' as const, dtype: 'float32' as const, shape: [] };
    model.graph.outputs.push({
      name: 'maps',
      type: { kind: 'sequence', element: { kind: 'map', key: 'string', value } },
    });
    // The largest columns are 0, 1, 2: c, a, b, as the labels say.
    const score = await assess(model, samples);
    expect(score).toMatchObject({
      accuracy: { accuracy: 1, top5: 1 },
      confusion: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
    });
    expect(score.notes).toEqual([
      expect.stringMatching(/'maps' is run without ZipMap.*c, a, b/),
      'the classes of the model are matched with those of the data by name',
    ]);
    const other = await assess(model, { ...samples, labels: ['x', 'y', 'z'] });
    expect(other.quality).toEqual([]);
    expect(other.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/classes are c, a, b; those of the data are x, y, z/),
    ]);
  });

  it('splits columns over several inputs', async () => {
    const b = new GraphBuilder();
    const inputs = [b.input('first', 'float32', ['n', 1]), b.input('rest', 'float64', ['n', 2])];
    const rest = b.node('Cast', [inputs[1]!], { to: int(1) });
    b.output(b.node('Concat', [inputs[0]!, rest], { axis: int(1) }), 'float32', ['n', 3]);
    const found = await assess(b.build(), { ...samples, y: Int32Array.of(0, 1, 2) });
    expect(found.accuracy!.accuracy).toBe(1);
  });

  it('takes labels, of one axis or two', async () => {
    const b = new GraphBuilder();
    b.node('ArgMax', [b.input('x', 'float32', ['n', 3])], { axis: int(1) }, 1, { outputNames: ['label'] });
    b.output('label', 'int64', ['n', 1]);
    b.output(b.node('Add', ['label', b.constant(int64([], [1]))]), 'int64', ['n', 1]);
    const score = await assess(b.build(), { ...samples, y: Int32Array.of(0, 1, 1) });
    expect(score).toMatchObject({
      accuracy: { accuracy: 2 / 3, top5: 2 / 3 },
      confusion: [
        [1, 0, 0],
        [0, 1, 1],
        [0, 0, 0],
      ],
    });
    expect(score.notes).toContain("classes are read from the labels of output 'label'");
  });
});
