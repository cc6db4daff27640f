import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataFolder } from './conformance/archive.js';
import { decodeModel, describeValue, float32, GraphBuilder, int, ints, summarize, type ValueType } from './index.js';
import { typeText } from './type-text.js';

describe('the summary', () => {
  it('counts parameters, multiply-accumulates and live bytes by hand-checked numbers', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['batch', 3, 8, 8]);
    const w = b.constant(float32([4, 3, 3, 3], new Float32Array(108)));
    const bias = b.constant(float32([4], new Float32Array(4)));
    const c = b.node('Conv', [x, w, bias], { pads: ints([1, 1, 1, 1]) }, 1, { name: 'conv' });
    const r = b.node('Relu', [c]);
    const f = b.node('Flatten', [b.node('GlobalAveragePool', [r])]);
    const y = b.node('Gemm', [f, b.constant(float32([10, 4], new Float32Array(40)))], { transB: int(1) }, 1, {
      name: 'fc',
    });
    b.output(y, 'float32', ['batch', 10]);
    const summary = summarize(b.build({ name: 'net' }));
    expect(summary.parameters).toBe(108 + 4 + 40);
    expect(summary.weightBytes).toBe(4 * 152);
    expect(summary.macs).toBe(4 * 8 * 8 * 27 + 10 * 4);
    // The convolution's result and that of the Relu: 4x8x8 floats each.
    expect(summary.peakActivationBytes).toBe(2 * 4 * 4 * 64);
    expect(summary.assumed).toEqual({ batch: 1 });
    expect(summary.operators).toEqual({ Conv: 1, Flatten: 1, Gemm: 1, GlobalAveragePool: 1, Relu: 1 });
    expect(summary.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['batch', 3, 8, 8] }]);
    expect(summary.layers[0]).toEqual({
      name: 'conv',
      op: 'Conv',
      shape: [1, 4, 8, 8],
      parameters: 112,
      weightBytes: 448,
      macs: 6912,
    });
    expect(summarize(b.build(), { batch: 8 }).macs).toBe(8 * summary.macs!);
  });

  const folder = dataFolder('summaries of published networks');
  it.skipIf(!folder)('agrees with the published cost of reference networks', () => {
    const cost = (path: string): (number | null)[] => {
      const { macs, parameters, peakActivationBytes } = summarize(decodeModel(readFileSync(join(folder!, path))));
      return [macs, parameters, peakActivationBytes];
    };
    // MobileNetV2 1.0 at 224: 300 M multiply-adds (its paper, table 4); in float32 the largest step is the
    // expansion to 96 channels at 112x112, held with its ReLU6: 2 x 4 x 96 x 112^2 bytes.
    expect(cost('mobilenetv2/mobilenet_v2_keras_coral_fp32_restored.onnx')).toEqual([
      300_775_552, 3_489_099, 9_633_792,
    ]);
    // MLPerf Tiny's reference networks: 12.5 M, 2.7 M, 7.5 M and 0.27 M multiply-accumulates.
    expect(cost('mlperf-tiny/ic/resnet8_cifar10_fp32.onnx')).toEqual([12_501_632, 77_706, 196_608]);
    expect(cost('mlperf-tiny/kws/dscnn_kws_fp32.onnx')).toEqual([2_656_768, 22_604, 64_000]);
    expect(cost('mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx')).toEqual([7_489_664, 210_850, 294_912]);
    expect(cost('mlperf-tiny/ad/ad01_autoencoder_fp32.onnx')).toEqual([264_192, 265_864, 5_120]);
    // A window of 256 samples does not fit the size of 1 that is assumed, so costs are known at given sizes only.
    expect(cost('silero-vad/silero_vad_16k_op15.onnx')).toEqual([null, 309_633, null]);
    const silero = decodeModel(readFileSync(join(folder!, 'silero-vad/silero_vad_16k_op15.onnx')));
    const { macs, assumed } = summarize(silero, { batch: 1, sequence: 576 });
    // Four frames of 258 x 256, convolutions over 4, 2, 1, 1 and 1 steps, and one step of an LSTM of 128 in a branch.
    const convolutions = 4 * 128 * 129 * 3 + 2 * 64 * 128 * 3 + 64 * 64 * 3 + 128 * 64 * 3 + 128;
    const lstm = 4 * 128 * (128 + 128);
    expect({ macs, assumed }).toEqual({
      macs: 4 * 258 * 256 + convolutions + lstm,
      assumed: { batch: 1, sequence: 576 },
    });
  });
});

describe('types that are no tensors', () => {
  it('are shown as ONNX writes them', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['N', 3]);
    const pair = b.node('SequenceConstruct', [x, x]);
    const model = b.build();
    const graph = { ...model.graph, outputs: [{ name: pair, type: null }] };
    expect(summarize({ ...model, graph }).outputs).toEqual([
      { name: pair, dtype: null, shape: null, type: 'seq(float32 [N, 3])' },
    ]);
    const scores: ValueType = {
      kind: 'sequence',
      element: { kind: 'map', key: 'int64', value: { kind: 'tensor', dtype: 'float32', shape: null } },
    };
    expect(typeText(scores)).toBe('seq(map(int64, float32))');
    expect(typeText({ kind: 'optional', element: { kind: 'unspecified' } })).toBe('optional(?)');
    expect(typeText({ kind: 'sparse', dtype: 'float32', shape: [null, 2] })).toBe('sparse(float32 [?, 2])');
    expect(typeText({ kind: 'opaque', domain: 'com.example', name: 'Tree' })).toBe('opaque(com.example.Tree)');
    expect(describeValue('x', null)).toEqual({ name: 'x', dtype: null, shape: null });
  });
});
