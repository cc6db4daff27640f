/** What is done with the shards' results: their mean, and the outer optimiser's step towards it. */
import type { OuterSpec } from './spec.js';

/** The mean of vectors of the same length, summed in double precision in their order. */
export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(vectors[0]!.length);
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (const vector of vectors) sum += vector[i]!;
    mean[i] = sum / vectors.length;
  }
  return mean;
}

/**
 * One step of SGD with momentum on the outer gradient `parameters - mean` (DiLoCo, algorithm 1, with the momentum of
 * PyTorch's SGD: velocity' = momentum * velocity + gradient).
 * @returns the next parameters and velocity; the arguments stay as they are
 */
export function outerStep(
  parameters: Float32Array,
  mean: Float32Array,
  velocity: Float32Array,
  { learningRate, momentum, nesterov }: OuterSpec,
): { parameters: Float32Array; velocity: Float32Array } {
  const next = { parameters: new Float32Array(parameters.length), velocity: new Float32Array(parameters.length) };
  for (let i = 0; i < parameters.length; i++) {
    const gradient = parameters[i]! - mean[i]!;
    const moved = momentum * velocity[i]! + gradient;
    next.velocity[i] = moved;
    next.parameters[i] = parameters[i]! - learningRate * (nesterov ? gradient + momentum * moved : moved);
  }
  return next;
}
