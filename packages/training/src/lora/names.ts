/** What the two factors of an adapter are called, in a training graph and in the patterns of an optimiser. */
import type { Model } from '@verge/onnx';
import { matchesAny } from '../patterns.js';

export const factorA = (weight: string): string => `${weight}.lora_A`;
export const factorB = (weight: string): string => `${weight}.lora_B`;

/** The names that adapters of a model may have, as far as the patterns alone say it. */
export function factorNames({ graph }: Model, match: readonly string[]): string[] {
  const weights = [...graph.initializers.keys()].filter((name) => matchesAny(match, name));
  return weights.flatMap((name) => [factorA(name), factorB(name)]);
}
