import { describe, expect, it } from 'vitest';
import { isTransient } from './transient.js';
import { toServiceError } from './status.js';
import { status } from '@grpc/grpc-js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('isTransient', () => {
  it('knows a database that is away or busy, also underneath', () => {
    for (const code of ['ECONNREFUSED', '57P01', '08006', '53300', '40P01', 'P2028']) {
      expect(isTransient(withCode(code))).toBe(true);
      expect(isTransient(new Error('y', { cause: withCode(code) }))).toBe(true);
    }
    expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
    for (const error of [withCode('23505'), new Error('x'), null, 'ECONNREFUSED'])
      expect(isTransient(error)).toBe(false);
  });

  it('is what decides between trying again and giving up', () => {
    expect(toServiceError(withCode('57P01'))).toMatchObject({ code: status.UNAVAILABLE });
    expect(toServiceError(new Error('secret'))).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
  });
});
