/** Stretches of a file that its base has too, wherever they are there. */

/** Bytes of a stretch that are looked up; shorter ones cost as much as they save. */
const WINDOW = 24;
/** Places of the base that are remembered: every so many bytes, and for a longer base fewer. */
const STRIDE = 4;
const MOST_PLACES = 2 ** 20;
const FACTOR = 0x01000193;

export interface Match {
  /** In the file. */
  readonly at: number;
  readonly base: number;
  readonly length: number;
}

function hash(bytes: Uint8Array, from: number): number {
  let h = 0;
  for (let i = from; i < from + WINDOW; i++) h = (Math.imul(h, FACTOR) + bytes[i]!) | 0;
  return h;
}

/** FACTOR to the power of WINDOW - 1. */
const LEAVING = ((): number => {
  let power = 1;
  for (let i = 1; i < WINDOW; i++) power = Math.imul(power, FACTOR);
  return power;
})();

function matching(a: Uint8Array, at: number, b: Uint8Array, from: number, most: number): number {
  let length = 0;
  while (length < most && from + length < b.length && a[at + length] === b[from + length]) length++;
  return length;
}

/** Where windows of the base lie. */
export class BaseIndex {
  readonly #places = new Map<number, number>();
  constructor(readonly base: Uint8Array) {
    const stride = Math.max(STRIDE, Math.ceil(base.length / MOST_PLACES));
    for (let at = 0; at + WINDOW <= base.length; at += stride) {
      const h = hash(base, at);
      if (!this.#places.has(h)) this.#places.set(h, at);
    }
  }

  /** Stretches of bytes[from..to) in their order, none within another. */
  *matches(bytes: Uint8Array, from: number, to: number): Generator<Match> {
    let next = from;
    let at = from;
    let h = 0;
    let known = false;
    while (at + WINDOW <= to) {
      h = known ? (Math.imul((h - Math.imul(bytes[at - 1]!, LEAVING)) | 0, FACTOR) + bytes[at + WINDOW - 1]!) | 0 : hash(bytes, at); // prettier-ignore
      known = true;
      const place = this.#places.get(h);
      const length = place === undefined ? 0 : matching(bytes, at, this.base, place, to - at);
      if (place === undefined || length < WINDOW) {
        at++;
        continue;
      }
      let before = 0;
      while (at - before > next && place > before && bytes[at - before - 1] === this.base[place - before - 1]) before++;
      yield { at: at - before, base: place - before, length: length + before };
      at += length;
      next = at;
      known = false;
    }
  }
}
