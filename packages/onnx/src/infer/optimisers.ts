/** Rows of the ai.onnx.preview.training domain. */
import { attrStrings } from '../attributes.js';
import type { Row } from './facts.js';

/**
 * Adagrad, Momentum, Adam: a rate, a step count, then n tensors, their n gradients and `states` times n states. Out come
 * the tensors and the states.
 */
const optimiser =
  (states: number): Row =>
  (f) => {
    const parts = 2 + states;
    const n = (f.inputCount - 2) / parts;
    if (!Number.isInteger(n) || n < 1) f.fail(`${f.inputCount} inputs are not 2 and ${parts} for each tensor`);
    const at = (part: number): number[] => Array.from({ length: n }, (_, i) => 2 + part * n + i);
    const kept = [0, ...Array.from({ length: states }, (_, i) => i + 2)];
    return kept.flatMap((part) => at(part).map((i) => f.type(i)));
  };

export const adagrad = optimiser(1);
export const momentum = optimiser(1);
export const adam = optimiser(2);

/** Gradient: of y with respect to each of xs, in their types; xs are the first inputs. */
export const gradient: Row = (f) => attrStrings(f.node, 'xs').map((_, i) => f.type(i));
