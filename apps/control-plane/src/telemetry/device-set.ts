/** A set of a project's devices as bits, one for each device's number within its project: exact, and joined by OR. */
export class DeviceSet {
  private bits = new Uint8Array(0);

  add(ordinal: number): void {
    this.reach((ordinal >> 3) + 1);
    this.bits[ordinal >> 3]! |= 1 << (ordinal & 7);
  }

  join(bytes: Uint8Array): void {
    this.reach(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.bits[i]! |= bytes[i]!;
  }

  get size(): number {
    let size = 0;
    for (const byte of this.bits) for (let rest = byte; rest > 0; rest &= rest - 1) size++;
    return size;
  }

  encode(): Uint8Array {
    return this.bits;
  }

  private reach(length: number): void {
    if (length <= this.bits.length) return;
    const wider = new Uint8Array(length);
    wider.set(this.bits);
    this.bits = wider;
  }
}
