/** The numbers of 16-bit float patterns, which JavaScript has no type for. */

/** An IEEE 754 binary16: sign, exponent and fraction. */
export function float16Value(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The binary16 next to a number, the even one of two that are as near; what is too large is infinite. */
export function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Below 2^-14 numbers lie 2^-24 apart; above, 1024 of them between one power of two and the next.
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const units = size / 2 ** (exponent - 10);
  const below = Math.floor(units);
  const rest = units - below;
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  // Rounding up to the next power of two carries into the exponent, as it must.
  return sign | (rounded < 1024 ? rounded : ((exponent + 15) << 10) + (rounded - 1024));
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** A bfloat16 is the upper half of a binary32. */
export function bfloat16Value(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}

/** The bfloat16 next to a number, the even one of two that are as near. NaN stays NaN. */
export function bfloat16Bits(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  // Half of what is cut off, less the tie that goes down to an even pattern; a carry runs into the exponent, as it must.
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
