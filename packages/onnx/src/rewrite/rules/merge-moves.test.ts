import { describe, expect, it } from 'vitest';
import { int, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeMoves } from './merge-moves.js';

/** A list of more than no elements is a Reshape, one that begins with 'T' a Transpose. */
type Step = number[] | ['T', ...number[]];

const follow = (b: GraphBuilder, x: string, steps: Step[]): string =>
  steps.reduce((value, step) => {
    if (step[0] === 'T') return b.node('Transpose', [value], { perm: ints(step.slice(1) as number[]) });
    return b.node('Reshape', [value, b.constant(int64([step.length], step as number[]))]);
  }, x);

const build = (shape: (number | string)[], steps: Step[]) => network(shape, (b, x) => follow(b, x, steps));

describe('merge-moves', () => {
  it.each<[string, (number | string)[], Step[], string[]]>([
    [
      'heads of attention',
      [6, 2, 16],
      [
        [6, 8, 4],
        ['T', 1, 0, 2],
        [2, 4, 6, 4],
      ],
      ['Reshape', 'Transpose'],
    ],
    [
      'a transpose around a shape',
      [4, 6],
      [
        ['T', 1, 0],
        [2, 3, 4],
        ['T', 2, 0, 1],
      ],
      ['Reshape'],
    ],
    [
      'axes of size 1',
      [1, 5, 7],
      [
        ['T', 2, 0, 1],
        [7, 5],
        ['T', 1, 0],
        [1, 1, 5, 7],
      ],
      ['Reshape'],
    ],
    [
      'what is undone',
      [2, 3, 4],
      [
        [6, 4],
        ['T', 1, 0],
        [4, 2, 3],
        ['T', 1, 2, 0],
      ],
      [],
    ],
    [
      'an open size',
      ['n', 6, 4],
      [
        [0, 2, 3, 4],
        ['T', 0, 3, 1, 2],
        [0, 4, 6],
        ['T', 0, 2, 1],
      ],
      [],
    ],
    [
      'an open size that moves',
      ['n', 6],
      [
        ['T', 1, 0],
        [2, 3, -1],
        ['T', 2, 0, 1],
      ],
      ['Reshape'],
    ],
    [
      'windows',
      [2, 6, 6],
      [
        [2, 3, 2, 3, 2],
        ['T', 0, 1, 3, 2, 4],
        [18, 2, 2],
        [2, 3, 3, 4],
      ],
      ['Reshape', 'Transpose', 'Reshape'],
    ],
  ])('%s', async (_, shape, steps, left) => {
    const model = build(shape, steps);
    const { model: result } = rewritten(model, [mergeMoves]);
    expect(ops(result).filter((op) => op !== 'Identity')).toEqual(left);
    await expectSameNumbers(model, result, EXACT);
  });

  it('any chain, drawn at random', async () => {
    let state = 7;
    const draw = (n: number): number => (state = (state * 1103515245 + 12345) % 2 ** 31) % n;
    const shapes = [[24], [2, 12], [4, 6], [2, 3, 4], [6, 1, 4], [1, 2, 2, 6], [3, 8, 1], [2, 2, 3, 2]];
    for (let i = 0; i < 40; i++) {
      let rank = 3;
      const steps = Array.from({ length: 2 + draw(4) }, (): Step => {
        const shape = shapes[draw(shapes.length)]!;
        if (draw(2) === 0) {
          rank = shape.length;
          return shape;
        }
        const axes = Array.from({ length: rank }, (_, axis) => axis);
        return ['T', ...Array.from({ length: rank }, () => axes.splice(draw(axes.length), 1)[0]!)];
      });
      const model = build([2, 3, 4], steps);
      const { model: result } = rewritten(model, [mergeMoves]);
      // Sizes that are cut askew (4 and 6 of 24) stay as they are.
      expect(result.graph.nodes.length).toBeLessThanOrEqual(model.graph.nodes.length);
      await expectSameNumbers(model, result, EXACT);
    }
  });

  it('leaves what is read between, and shapes that are not known', () => {
    const shared = network([2, 6], (b, x) => {
      const turned = b.node('Transpose', [x], { perm: ints([1, 0]) });
      return b.node('Add', [turned, b.node('Reshape', [turned, b.constant(int64([2], [6, 2]))])]);
    });
    expect(rewritten(shared, [mergeMoves]).fired).toEqual([]);
    const open = network(['n', 'm', 6], (b, x) => {
      const flat = b.node('Flatten', [x], { axis: int(2) });
      return b.node('Transpose', [flat], { perm: ints([1, 0]) });
    });
    expect(rewritten(open, [mergeMoves]).fired).toEqual([]);
  });
});
