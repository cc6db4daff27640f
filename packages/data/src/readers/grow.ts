/** Numbers that are added one by one, 8 bytes each: offsets, class indices. */
export class GrowingNumbers {
  #data = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const larger = new Float64Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = value;
  }

  take(): Float64Array {
    return this.#data.slice(0, this.#length);
  }
}

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
