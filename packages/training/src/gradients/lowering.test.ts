import { describe, expect, it } from 'vitest';
import { chooseInputLowering } from './convolution.js';
import { chooseWeightLowering, type Convolution } from './convolution-weights.js';

/** A square convolution whose padding keeps the size at stride 1. */
function square(
  inChannels: number,
  outChannels: number,
  size: number,
  kernel: number,
  stride = 1,
  group = 1,
): Convolution {
  const pad = Math.floor(kernel / 2);
  const pair = (v: number): number[] => [v, v];
  return {
    batch: 64,
    inChannels,
    outChannels,
    group,
    input: pair(size),
    output: pair(Math.ceil(size / stride)),
    kernel: pair(kernel),
    strides: pair(stride),
    dilations: pair(1),
    padBegin: pair(pad),
    padEnd: pair(pad),
  };
}

describe('the formulation of a convolution gradient follows its shape', () => {
  const weights: [string, Convolution, ReturnType<typeof chooseWeightLowering>][] = [
    ['dense on a large image', square(32, 64, 28, 3), 'bands'],
    ['dense with a stride', square(32, 64, 28, 3, 2), 'bands'],
    ['one input channel', square(1, 16, 28, 3), 'im2col'],
    ['few channels on a small image', square(16, 16, 8, 3), 'bands'],
    ['dense on a small image', square(64, 64, 4, 3), 'rows'],
    ['pointwise', square(64, 128, 14, 1), 'taps'],
    ['depthwise', square(64, 64, 14, 3, 1, 64), 'toeplitz'],
    ['depthwise on a wide image', square(32, 32, 112, 3, 1, 32), 'grouped'],
    ['depthwise with a stride', square(64, 64, 14, 3, 2, 64), 'grouped'],
    ['groups', square(64, 64, 14, 3, 1, 2), 'bands'],
    ['pointwise groups', square(64, 64, 14, 1, 1, 2), 'taps'],
  ];
  for (const [name, c, want] of weights)
    it(`weights, ${name}: ${want}`, () => expect(chooseWeightLowering(c)).toBe(want));

  const inputs: [string, Convolution, ReturnType<typeof chooseInputLowering>][] = [
    ['dense', square(32, 64, 28, 3), 'transposed'],
    ['pointwise', square(64, 128, 14, 1), 'product'],
    ['pointwise with a stride', square(64, 128, 14, 1, 2), 'transposed'],
    ['dense on a tiny image', square(64, 64, 2, 3), 'rows'],
    ['depthwise', square(64, 64, 14, 3, 1, 64), 'flipped'],
    ['depthwise with a stride', square(64, 64, 14, 3, 2, 64), 'transposed'],
  ];
  for (const [name, c, want] of inputs) it(`input, ${name}: ${want}`, () => expect(chooseInputLowering(c)).toBe(want));
});
