import { TrainingConfig } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { describe, expect, it } from 'vitest';
import { axesOf } from './sample-axes.js';

const axes = (architecture: string, shape: number[], layout?: Samples['layout']): string[] =>
  axesOf(TrainingConfig.parse({ model: { architecture }, epochs: 1, optimizer: { name: 'adam' } }), {
    shape,
    ...(layout && { layout }),
  });

describe('axes of samples', () => {
  it('that are known to be as a network reads them need no word', () => {
    expect(axes('resnet8', [3, 32, 32], 'CHW')).toEqual([]);
    expect(axes('tcn', [5, 40], 'TC')).toEqual([]);
    expect(axes('mlp', [32, 32, 3])).toEqual([]);
  });

  it('that are known to be others are refused', () => {
    expect(() => axes('resnet8', [61, 97, 3], 'HWC')).toThrow(
      /reads \[channels, height, width\].*\[61, 97, 3\] are HWC/,
    );
    expect(() => axes('recurrent', [3, 400], 'CT')).toThrow(/reads \[steps, channels\].*CT/);
  });

  it('that are not known are asked for where they look like others, else said', () => {
    expect(() => axes('lenet', [28, 28, 1])).toThrow(/say data.layout, HWC/);
    expect(() => axes('transformer', [3, 400])).toThrow(/say data.layout, CT/);
    expect(axes('lenet', [1, 28, 28])).toEqual([
      'the samples [1, 28, 28] are taken for [channels, height, width]; data.layout says otherwise',
    ]);
    expect(axes('recurrent', [28, 28], 'HW')).toHaveLength(1);
  });
});
