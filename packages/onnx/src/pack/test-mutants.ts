/** Files near a given one: bits turned, bytes changed, cut out, put in, and cut off. The same in every run. */
export function* mutants(bytes: Uint8Array, count: number): Generator<Uint8Array> {
  let state = 12345;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  // The beginning says the most: half of the changes are there.
  const place = (): number => below(below(2) === 0 ? Math.min(120, bytes.length) : bytes.length);
  for (let i = 0; i < count; i++) {
    const at = place();
    const kind = below(5);
    if (kind === 0) yield bytes.map((b, k) => (k === at ? b ^ (1 << below(8)) : b));
    else if (kind === 1) yield bytes.map((b, k) => (k === at ? [0, 127, 128, 255][below(4)]! : b));
    else if (kind === 2) yield Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + below(8))]);
    else if (kind === 3) yield Uint8Array.from([...bytes.subarray(0, at), below(256), ...bytes.subarray(at)]);
    else yield bytes.slice(0, at);
  }
}
