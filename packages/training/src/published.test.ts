import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeModel } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from './fit.js';
import { Random } from './random.js';

const models: readonly [string, number[], number][] = [
  ['mlperf-tiny/ic/resnet8_cifar10_fp32.onnx', [32, 32, 3], 10],
  ['mlperf-tiny/kws/dscnn_kws_fp32.onnx', [49, 10, 1], 12],
  ['mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx', [96, 96, 3], 2],
  ['mlperf-tiny/ad/ad01_autoencoder_fp32.onnx', [640], 0],
];

/** Each class has its own coarse pattern, so that what pooling leaves of a sample still tells it from the others. */
function patterns(y: Int32Array, size: number, random: Random): Float32Array {
  const blocks = Float32Array.from({ length: 16 * 8 }, () => random.uniform(-1, 1));
  return Float32Array.from({ length: y.length * size }, (_, i) => {
    const [sample, at] = [Math.floor(i / size), i % size];
    return blocks[y[sample]! * 8 + Math.floor((8 * at) / size)]! + random.uniform(-0.1, 0.1);
  });
}

describe('published networks learn sixteen samples (skipped without VERGE_DATA)', () => {
  for (const [path, fallback, classes] of models) {
    const file = join(process.env['VERGE_DATA'] ?? '', path);
    it.skipIf(!process.env['VERGE_DATA'] || !existsSync(file))(path, async () => {
      const model = decodeModel(readFileSync(file));
      const type = model.graph.inputs[0]!.type;
      const shape = type?.kind === 'tensor' && type.shape ? type.shape.slice(1).map(Number) : fallback;
      const size = shape.reduce((a, b) => a * b, 1);
      const random = new Random(1, path);
      const y = Int32Array.from({ length: 16 }, () => random.below(classes || 1));
      const samples = { x: patterns(y, size, random), shape, y };
      const result = await fit({
        model,
        createSession,
        train: samples,
        validation: samples,
        epochs: 12,
        batchSize: 8,
        optimizer: { name: 'adamw', learningRate: 1e-3, weightDecay: 0 },
        loss: classes === 0 ? { kind: 'mse' } : { kind: 'cross-entropy' },
      });
      const losses = result.history.map((p) => p.valLoss);
      expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.8);
    });
  }
});
