import { expect, it } from 'vitest';

const numbers = [Uint8Array, Int32Array, Float32Array, BigInt64Array];

it.each(numbers)('%o: same bytes are equal, others are not', (Numbers) => {
  const make = (last: number): object => {
    const made = new Numbers(300_000);
    made[made.length - 1] = Numbers === BigInt64Array ? BigInt(last) : last;
    return made;
  };
  expect(make(1)).toEqual(make(1));
  expect({ of: make(1) }).toStrictEqual({ of: make(1) });
  expect(make(1)).not.toEqual(make(2));
  expect({ of: make(1) }).not.toStrictEqual({ of: make(2) });
});

it('what differs in kind, length or sign of zero is not equal; other bits of NaN are', () => {
  expect(Uint8Array.of(1)).not.toEqual(Int8Array.of(1));
  expect(Uint8Array.of(1)).not.toEqual(Uint8Array.of(1, 0));
  expect(Float32Array.of(0)).not.toEqual(Float32Array.of(-0));
  const [one, other] = [Uint32Array.of(0x7fc00000), Uint32Array.of(0x7fc00001)].map(
    (bits) => new Float32Array(bits.buffer),
  );
  expect(one).toEqual(other);
});
