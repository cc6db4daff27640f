import { describe, expect, it } from 'vitest';
import { buildArchitecture } from '@verge/training';
import { figuresOf } from '@verge/onnx';

describe('figuresOf', () => {
  it('counts the ResNet-8 of MLPerf Tiny by hand', () => {
    const model = buildArchitecture('resnet', { input: [3, 32, 32], classes: 10 });
    // Convolutions: stem, three stages of two 3x3, two 1x1 around; widths 16, 32, 64 on 32, 16, 8 pixels.
    const macs =
      1024 * 27 * 16 + 2 * 1024 * 144 * 16 + 256 * (144 + 288 + 16) * 32 + 64 * (288 + 576 + 32) * 64 + 64 * 10;
    const weights = 27 * 16 + 2 * 144 * 16 + (144 + 288 + 16) * 32 + (288 + 576 + 32) * 64 + 640 + 10;
    const norms = 4 * (3 * 16 + 3 * 32 + 3 * 64);
    expect(figuresOf(model)).toEqual({ macs, parameters: weights + norms });
  });
});
