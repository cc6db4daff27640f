/**
 * Typed arrays of the same bytes are equal at once: Vitest compares them element by element, a second for 300 kB. All others it
 * still compares itself.
 */
import { expect } from 'vitest';

const isTypedArray = (value: unknown): value is NodeJS.TypedArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

function haveSameBytes(a: unknown, b: unknown): true | undefined {
  if (!isTypedArray(a) || !isTypedArray(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) || undefined;
}

/** Files that share a process run this file each. */
const kept = globalThis as { vergeTypedArrays?: true };
if (!kept.vergeTypedArrays) expect.addEqualityTesters([haveSameBytes]);
kept.vergeTypedArrays = true;
