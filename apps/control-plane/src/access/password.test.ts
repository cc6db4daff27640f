import { describe, expect, it } from 'vitest';
import { FailedAttempts } from './attempts.js';
import { hashPassword, verifyPassword } from './password.js';

describe('passwords', () => {
  it('are kept as scrypt hashes, each with a salt of its own', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
    expect(one).toMatch(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(two).not.toBe(one);
    expect(await verifyPassword('correct horse', one)).toBe(true);
    expect(await verifyPassword('correct horsf', one)).toBe(false);
    expect(await verifyPassword('anything', 'not a hash')).toBe(false);
  });

  it('are the same however their letters are composed', async () => {
    expect(await verifyPassword('cafe\u0301 au lait', await hashPassword('caf\u00e9 au lait'))).toBe(true);
  });
});

describe('failed attempts', () => {
  const limits = { windowMs: 1000, perAccount: 2, perSource: 4 };
  it('make an account wait until the oldest that counts has aged', () => {
    const attempts = new FailedAttempts(limits);
    attempts.fail('a', 'one', 0);
    expect(attempts.waitSeconds('a', 'one', 10)).toBe(0);
    attempts.fail('a', 'two', 100);
    expect(attempts.waitSeconds('a', 'three', 200)).toBe(1);
    expect(attempts.waitSeconds('b', 'three', 200)).toBe(0);
    expect(attempts.waitSeconds('a', 'three', 1001)).toBe(0);
  });

  it('make a network address wait that tries many accounts, and forget an account that got in', () => {
    const attempts = new FailedAttempts(limits);
    for (const account of ['a', 'b', 'c', 'd']) attempts.fail(account, 'one', 0);
    expect(attempts.waitSeconds('e', 'one', 1)).toBe(1);
    attempts.fail('f', 'two', 0);
    attempts.fail('f', 'two', 0);
    attempts.succeed('f');
    expect(attempts.waitSeconds('f', 'two', 1)).toBe(0);
  });
});
