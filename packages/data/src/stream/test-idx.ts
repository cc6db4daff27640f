/** An IDX file: the code of its elements' type, its dimensions, and its elements as bytes; for tests. */
const be32 = (...values: number[]): number[] =>
  values.flatMap((v) => [v >>> 24, (v >> 16) & 255, (v >> 8) & 255, v & 255]);
export const idx = (type: number, dims: number[], bytes: ArrayLike<number>): Uint8Array =>
  Uint8Array.from([0, 0, type, dims.length, ...be32(...dims), ...Array.from(bytes)]);
