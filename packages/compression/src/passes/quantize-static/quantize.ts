/** Static int8 quantization in QDQ form. */
import type { DeviceClass } from '@verge/contracts';
import { pick, type Samples } from '@verge/data';
import { convertOpset, OnnxError, opsetVersion, type Model } from '@verge/onnx';
import { CompressionError } from '../../errors.js';
import type { PassContext, PassResult } from '../pass.js';
import { calibrate } from '../../study/calibrate.js';
import { insertQdq } from './insert.js';
import { planQuantization, tieActivations } from './plan.js';
import { affineParams, type Range } from './scale.js';

export interface QuantizeOptions {
  calibration: 'min-max' | 'percentile' | 'entropy';
  percentile: number;
  /** Calibration samples, spread evenly over the training samples. */
  samples: number;
}

function calibrationSamples(train: Samples, wanted: number): Samples {
  const count = Math.min(wanted, train.y.length);
  return pick(
    train,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * train.y.length) / count)),
  );
}

/** The first operator set whose DequantizeLinear has a scale for each channel. */
const ABLE = 13;

/** @throws CompressionError `unsuitable-model` where something of the model is not said in that operator set */
function inAbleOpset(model: Model): { model: Model; raised: number } {
  const opset = opsetVersion(model) ?? 0;
  if (opset >= ABLE) return { model, raised: 0 };
  try {
    return { model: convertOpset(model, ABLE).model, raised: ABLE - opset };
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    const what = `opset ${opset}: scales for each channel need opset ${ABLE}, and ${cause.message}`;
    throw new CompressionError('unsuitable-model', what, { cause });
  }
}

/**
 * Weights symmetric int8 for each output channel, activations 8-bit affine for each tensor, biases int32, calibrated on
 * training samples only. A model of an operator set before 13 is raised to it, which `operatorSetsRaised` counts.
 * @throws CompressionError `unsuitable-model` when nothing can be quantized, `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function quantizeStatic(
  model: Model,
  options: QuantizeOptions,
  target: Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'>,
  context: PassContext,
): Promise<PassResult> {
  const { model: able, raised } = inAbleOpset(model);
  const plan = planQuantization(able);
  if (plan.weighted.length === 0) {
    const problems = plan.declined.map((d) => `${d.node}: ${d.reason}`);
    throw new CompressionError(
      'unsuitable-model',
      `no Conv, Gemm or MatMul can be quantized${problems.length ? `: ${problems.join('; ')}` : ''}`,
      { problems },
    );
  }
  const groups = tieActivations(plan);
  const ranges = await calibrate(able, groups, calibrationSamples(context.train, options.samples), {
    method: options.calibration,
    percentile: options.percentile,
    ports: context.ports,
    createSession: context.createSession,
    signal: context.signal,
    onProgress: context.onProgress,
  });
  const params = new Map(
    [...groups].map(([name, group]) => [name, affineParams(ranges.get(group) as Range, target.int8Activation)]),
  );
  const narrow = target.arch === 'x64' && target.int8Activation === 'uint8' && !target.vnni;
  const { model: result, changes } = insertQdq(able, plan, params, { narrow });
  const all = raised > 0 ? { ...changes, operatorSetsRaised: raised } : changes;
  return { model: result, changes: all, declined: plan.declined };
}
