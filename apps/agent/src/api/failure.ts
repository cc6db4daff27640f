/**
 * Whose error it is when a run fails. The binding of ONNX Runtime gives no status code, only its message; the messages
 * below are those of INVALID_ARGUMENT, and of checks inside kernels, for shapes and values that the graph cannot take.
 */
import type { Tensor } from '@verge/onnx';
import type { ModelDescription } from '../served-model.js';

const aboutShapes: readonly RegExp[] = [
  /dimension/i,
  /cannot be reshaped/,
  /attempting to broadcast/i,
  /invalid rank|rank .*(mismatch|must)|must have rank/i,
  /shapes? (mismatch|must|are not|is not|of)/i,
  /(negative|invalid) (size|shape)/i,
];

/** Whatever the shape, the value is not one that the graph knows: a token or class beyond its table. */
const aboutValues: readonly RegExp[] = [/out of (data )?bounds/i, /out of range/i, /index .*must be (within|less)/i];

const matches = (patterns: readonly RegExp[], text: string): boolean => patterns.some((pattern) => pattern.test(text));

/** Shapes remembered; an application uses few, and a flood of others must not fill the memory. */
const most = 1000;

/**
 * Remembers the shapes that were answered under one interface, across versions of a model: when a new version fails on a
 * shape that the one before answered, the input fits and the model is at fault.
 */
export class AnsweredShapes {
  private interface = '';
  private readonly shapes = new Set<string>();

  answered(manifest: ModelDescription, feeds: Readonly<Record<string, Tensor>>): void {
    this.follow(manifest);
    if (this.shapes.size < most) this.shapes.add(shapesOf(feeds));
  }

  /** Whether a run failed because its input does not fit the graph. */
  misfit(manifest: ModelDescription, feeds: Readonly<Record<string, Tensor>>, message: string): boolean {
    this.follow(manifest);
    if (matches(aboutValues, message)) return true;
    return matches(aboutShapes, message) && !this.shapes.has(shapesOf(feeds));
  }

  private follow({ model, inputs }: ModelDescription): void {
    const key = JSON.stringify([model, inputs]);
    if (key === this.interface) return;
    this.interface = key;
    this.shapes.clear();
  }
}

function shapesOf(feeds: Readonly<Record<string, Tensor>>): string {
  return Object.keys(feeds)
    .sort()
    .map((name) => `${name}[${feeds[name]!.dims.join()}]`)
    .join();
}
