import { describe, expect, it } from 'vitest';
import { Id } from '@verge/contracts';
import { uuid7 } from './uuid7.js';

describe('UUIDv7', () => {
  it('rises, also within one millisecond and when the clock goes back', () => {
    const now = Date.now();
    const made = Array.from({ length: 10_000 }, (_, i) => uuid7(i < 9_000 ? now : now - 1_000));
    expect(made).toEqual([...made].sort());
    expect(new Set(made).size).toBe(made.length);
    expect(Id.safeParse(made[0]).success).toBe(true);
    expect(Number.parseInt(made[0]!.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
  });
});
