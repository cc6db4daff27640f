/** A float32 buffer that grows by doubling, for rows whose number is not known in advance. */
export class GrowingFloats {
  #data = new Float32Array(4096);
  #length = 0;

  push(values: ArrayLike<number>): void {
    const needed = this.#length + values.length;
    if (needed > this.#data.length) {
      const larger = new Float32Array(Math.max(needed, this.#data.length * 2));
      larger.set(this.#data.subarray(0, this.#length));
      this.#data = larger;
    }
    this.#data.set(values, this.#length);
    this.#length = needed;
  }

  get length(): number {
    return this.#length;
  }

  take(): Float32Array {
    return this.#data.slice(0, this.#length);
  }
}
