/** Optimisers as graphs over one flat parameter vector. */
import { float32 } from '@verge/onnx';
import type { Layout } from './parameters.js';
import type { Tape } from './tape.js';

export type OptimizerSpec =
  | {
      readonly name: 'sgd';
      /** Peak learning rate; the schedule scales it. */
      readonly learningRate: number;
      readonly momentum?: number;
      readonly nesterov?: boolean;
      readonly weightDecay?: number;
    }
  | {
      readonly name: 'adamw';
      readonly learningRate: number;
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
      readonly weightDecay?: number;
    };

export const LEARNING_RATE = 'step.learning_rate';
/** 1 / (1 - beta1^t) and 1 / (1 - beta2^t) of Adam. */
export const CORRECTION_1 = 'step.correction1';
export const CORRECTION_2 = 'step.correction2';

/** State vectors that an optimiser keeps, each as long as the parameters and zero at first. */
export function slotsOf(spec: OptimizerSpec): readonly string[] {
  return spec.name === 'sgd' ? ['velocity'] : ['moment1', 'moment2'];
}

/** Scalar feeds of step `t`, counted from 1. */
export function scalarFeeds(spec: OptimizerSpec, learningRate: number, t: number): Record<string, number> {
  if (spec.name === 'sgd') return { [LEARNING_RATE]: learningRate };
  return {
    [LEARNING_RATE]: learningRate,
    [CORRECTION_1]: 1 / (1 - (spec.beta1 ?? 0.9) ** t),
    [CORRECTION_2]: 1 / (1 - (spec.beta2 ?? 0.999) ** t),
  };
}

export interface Updated {
  readonly parameters: string;
  readonly slots: readonly string[];
}

/** weightDecay for weights, 0 for biases and normalisation parameters, element by element. */
function decayVector(t: Tape, layout: Layout, weightDecay: number): string | undefined {
  if (weightDecay === 0) return undefined;
  const decay = new Float32Array(layout.size);
  for (const e of layout.entries) if (e.role === 'weight') decay.fill(weightDecay, e.offset, e.offset + e.size);
  return t.constant(float32([layout.size], decay), 'decay');
}

/**
 * Writes one update.
 * @param slots current state in the order of `slotsOf`
 */
export function writeUpdate(
  t: Tape,
  spec: OptimizerSpec,
  layout: Layout,
  parameters: string,
  gradient: string,
  slots: readonly string[],
): Updated {
  t.declare(LEARNING_RATE, []);
  const decay = decayVector(t, layout, spec.weightDecay ?? 0);
  if (spec.name === 'sgd') return sgd(t, spec, decay, parameters, gradient, slots[0]!);
  return adamw(t, spec, decay, parameters, gradient, slots);
}

/** ai.onnx.preview.training Momentum-1: 'standard' and 'nesterov', norm_coefficient as weight decay, beta 1. */
function sgd(
  t: Tape,
  spec: OptimizerSpec & { name: 'sgd' },
  decay: string | undefined,
  parameters: string,
  gradient: string,
  velocity: string,
): Updated {
  const momentum = spec.momentum ?? 0.9;
  const regularized = decay ? t.add(gradient, t.mul(decay, parameters)) : gradient;
  const next = t.add(t.scale(velocity, momentum), regularized);
  const direction = spec.nesterov ? t.add(regularized, t.scale(next, momentum)) : next;
  return { parameters: t.sub(parameters, t.mul(direction, LEARNING_RATE)), slots: [next] };
}

/** Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (arXiv:1711.05101), algorithm 2. */
function adamw(
  t: Tape,
  spec: OptimizerSpec & { name: 'adamw' },
  decay: string | undefined,
  parameters: string,
  gradient: string,
  slots: readonly string[],
): Updated {
  const [beta1, beta2] = [spec.beta1 ?? 0.9, spec.beta2 ?? 0.999];
  t.declare(CORRECTION_1, []);
  t.declare(CORRECTION_2, []);
  const first = t.add(t.scale(slots[0]!, beta1), t.scale(gradient, 1 - beta1));
  const second = t.add(t.scale(slots[1]!, beta2), t.scale(t.mul(gradient, gradient), 1 - beta2));
  const deviation = t.add(t.unary('Sqrt', t.mul(second, CORRECTION_2)), t.scalar(spec.epsilon ?? 1e-8));
  let direction = t.div(t.mul(first, CORRECTION_1), deviation);
  if (decay) direction = t.add(direction, t.mul(decay, parameters));
  return { parameters: t.sub(parameters, t.mul(direction, LEARNING_RATE)), slots: [first, second] };
}
