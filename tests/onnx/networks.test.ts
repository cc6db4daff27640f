/** Published networks give the same numbers after decoding, folding, the general rules and encoding. */
import {
  checkModel,
  decodeModel,
  encodeModel,
  foldConstants,
  inferShapes,
  mergeReshapes,
  mergeTransposes,
  removeDropout,
  removeIdentity,
  rewrite,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = process.env['VERGE_DATA'];
if (!folder) console.log('VERGE_DATA is not set: skipping published networks');

const NETWORKS = [
  'mlperf-tiny/ad/ad01_autoencoder_fp32.onnx',
  'mlperf-tiny/ic/resnet8_cifar10_fp32.onnx',
  'mlperf-tiny/kws/dscnn_kws_fp32.onnx',
  'mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx',
  'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx',
  'mobilenetv2/mobilenet_v2_keras_coral_fp32_restored.onnx',
];

async function outputs(bytes: Uint8Array, feeds: Record<string, Tensor>): Promise<number[]> {
  const session = await createSession(bytes, { optimization: 'disabled' });
  try {
    return Object.values(await session.run(feeds)).flatMap((t) => (t.dtype === 'float32' ? [...t.data] : []));
  } finally {
    await session.release();
  }
}

describe.skipIf(!folder)('published networks', () => {
  it.each(NETWORKS)('%s computes the same after every pass', async (path) => {
    const original = readFileSync(join(folder!, path));
    const bound = inferShapes(decodeModel(original));
    const folded = await foldConstants(bound, createSession);
    const { model, fired, declined } = rewrite(folded, [removeIdentity, removeDropout, mergeTransposes, mergeReshapes]);
    expect(checkModel(model)).toEqual([]);
    const feeds: Record<string, Tensor> = {};
    for (const { name, type } of model.graph.inputs) {
      if (type?.kind !== 'tensor' || !type.shape) throw new Error(`${name} has no shape`);
      const dims = type.shape.map((d) => (typeof d === 'number' ? d : 1));
      const count = dims.reduce((p, d) => p * d, 1);
      feeds[name] = { dtype: 'float32', dims, data: Float32Array.from({ length: count }, (_, i) => Math.sin(i)) };
    }
    const [expected, actual] = [await outputs(original, feeds), await outputs(encodeModel(model), feeds)];
    console.log(
      `${path}: ${bound.graph.nodes.length} -> ${model.graph.nodes.length} nodes, ${fired.length} rules fired, ` +
        `${declined.length} declined`,
    );
    expect(actual.length).toBe(expected.length);
    expect(expected.length).toBeGreaterThan(0);
    expect(Math.max(...expected.map((v, i) => Math.abs(v - actual[i]!)))).toBe(0);
  });
});
