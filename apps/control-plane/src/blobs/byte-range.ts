/** One byte range of a Range header (RFC 9110, section 14.2). */
export type ByteRange = { offset: number; length: number } | 'whole' | 'unsatisfiable';

/** Several ranges, other units and anything malformed are answered with the whole, as the RFC lets a server do. */
export function parseRange(header: string | undefined, bytes: number): ByteRange {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return 'whole';
  const [first, last] = [match[1]!, match[2]!];
  if (first === '') {
    const suffix = Math.min(Number(last), bytes);
    return suffix === 0 ? 'unsatisfiable' : { offset: bytes - suffix, length: suffix };
  }
  const offset = Number(first);
  if (offset >= bytes) return 'unsatisfiable';
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return end < offset ? 'whole' : { offset, length: end - offset + 1 };
}
