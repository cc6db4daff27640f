import { describe, expect, it } from 'vitest';
import { parseRange } from './byte-range.js';

describe('Range (RFC 9110, section 14.2)', () => {
  it.each([
    ['bytes=0-0', 10, { offset: 0, length: 1 }],
    ['bytes=0-99', 10, { offset: 0, length: 10 }],
    ['bytes=9-', 10, { offset: 9, length: 1 }],
    ['bytes=-3', 10, { offset: 7, length: 3 }],
    ['bytes=-30', 10, { offset: 0, length: 10 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=5-2', 10, 'whole'],
    ['bytes=-', 10, 'whole'],
    ['items=0-1', 10, 'whole'],
    ['bytes=0-1,3-4', 10, 'whole'],
    [undefined, 10, 'whole'],
  ])('%s of %i bytes', (header, bytes, expected) => {
    expect(parseRange(header, bytes)).toEqual(expected);
  });
});
