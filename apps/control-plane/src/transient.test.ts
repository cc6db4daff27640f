import { describe, expect, it } from 'vitest';
import { isTransient } from './transient.js';
import { toServiceError } from './gateway/status.js';
import { status } from '@grpc/grpc-js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('isTransient', () => {
  it('knows a database that is away or busy, also underneath', () => {
    for (const code of ['ECONNREFUSED', '57P01', '08006', '53300', '40P01', 'P2028']) {
      expect(isTransient(withCode(code))).toBe(true);
      expect(isTransient(new Error('y', { cause: withCode(code) }))).toBe(true);
    }
    for (const message of [
      'Connection terminated unexpectedly',
      'timeout exceeded when trying to connect',
      "Stream isn't writeable and enableOfflineQueue options is false",
      'LOADING Redis is loading the dataset in memory',
    ])
      expect(isTransient(new Error(message))).toBe(true);
    // As Prisma hands on what its driver said of a raw query.
    const driver = Object.assign(new Error('y'), { cause: { originalCode: '57P01', kind: 'postgres' } });
    expect(isTransient(Object.assign(withCode('P2010'), { meta: { driverAdapterError: driver } }))).toBe(true);
    expect(isTransient(new AggregateError([withCode('ECONNREFUSED')]))).toBe(true);
    const loop = new Error('itself');
    loop.cause = loop;
    for (const error of [withCode('23505'), new Error('x'), null, 'ECONNREFUSED', loop])
      expect(isTransient(error)).toBe(false);
  });

  it('is what decides between trying again and giving up', () => {
    expect(toServiceError(withCode('57P01'))).toMatchObject({ code: status.UNAVAILABLE });
    expect(toServiceError(new Error('secret'))).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
  });
});
