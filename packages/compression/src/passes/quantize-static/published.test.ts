import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { decodeModel, encodeModel } from '@verge/onnx';
import { createSession, openSession, optimizedModel } from '@verge/runtime';
import { fold } from '../fold/fold.js';
import { dependencies } from '../../graph/dependencies.js';
import { randomTensor } from '../../test-models.js';
import { quantizeStatic } from './quantize.js';

const root = join(process.env.VERGE_DATA ?? '', 'mlperf-tiny');
const files = [
  'ad/ad01_autoencoder_fp32',
  'ic/resnet8_cifar10_fp32',
  'kws/dscnn_kws_fp32',
  'vww/vww_mobilenetv1_025_96_fp32',
];

describe.skipIf(!existsSync(root))('the networks of MLPerf Tiny (skipped without VERGE_DATA)', () => {
  it.each(files)('%s runs on integers from end to end, and all its inner layers can be pruned', async (file) => {
    const bytes = readFileSync(join(root, `${file}.onnx`));
    const model = decodeModel(bytes);
    const session = await openSession(bytes);
    const shape = session.inputs[0]!.shape.slice(1).map(Number);
    await session.release();
    const train: Samples = {
      x: randomTensor([32, ...shape]).data,
      shape,
      y: new Int32Array(32),
      labels: ['0'],
      name: 'noise',
    };
    const options = { calibration: 'min-max' as const, percentile: 100, samples: 32 };
    const target = { arch: 'x64' as const, int8Activation: 'uint8' as const, vnni: true };
    const { model: folded } = await fold(model, createSession);
    const { model: quantized } = await quantizeStatic(folded, options, target, {
      createSession,
      train,
      validation: train,
    });
    const encoded = encodeModel(quantized);
    expect(encoded.byteLength).toBeLessThan(0.4 * bytes.byteLength);
    const ops = decodeModel(await optimizedModel(encoded)).graph.nodes.map((n) => n.op);
    expect(ops.filter((op) => ['Conv', 'Gemm', 'MatMul', 'Add', 'Relu', 'DequantizeLinear'].includes(op))).toEqual([]);
    const frozen = (await dependencies(model, createSession)).spaces.filter((s) => s.frozen !== null);
    // Only the last layer: its channels are the classes, or the signal that is given back.
    expect(frozen).toHaveLength(1);
  });
});
