/**
 * Every operator of the default domain that means or is written otherwise from one version to the next, between the
 * lowest and the highest that are converted (ONNX Changelog; a new version that only takes further element types needs no
 * row). What the rows do not know of is found by the signatures of `specs`.
 */
import type { Model } from '../ir.js';
import { NEWEST_OPSET } from '../specs/lookup.js';
import { layerSteps } from './layers.js';
import { partSteps } from './parts.js';
import { shapeSteps } from './shapes.js';
import type { Step } from './step.js';

/** ONNX Runtime has kernels from here on. */
export const LEAST_OPSET = 7;
export const MOST_OPSET = NEWEST_OPSET;

const table: Readonly<Record<string, readonly Step[]>> = { ...shapeSteps, ...layerSteps, ...partSteps };

export const steps = (op: string): readonly Step[] => (Object.hasOwn(table, op) ? table[op]! : []);

/** The IR version that came with an operator set (ONNX Versioning, "Released Versions"). */
const IR: readonly (readonly [opset: number, ir: number])[] = [
  [7, 3],
  [9, 4],
  [10, 5],
  [11, 6],
  [12, 7],
  [15, 8],
  [19, 9],
  [21, 10],
  [23, 11],
  [24, 12],
  [25, 13],
];

/**
 * The IR version of a model in another operator set: what its file needs at least, so that readers of that age take it.
 * Constants that are no inputs need 4, functions 8.
 */
export function irVersionOf(model: Model, opset: number): number {
  const came = IR.findLast(([least]) => least <= opset)![1];
  return Math.max(came, model.functions.length > 0 ? 8 : 4);
}
