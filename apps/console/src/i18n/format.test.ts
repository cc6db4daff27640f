import { describe, expect, it } from 'vitest';
import { DASH, formatFor } from './format.js';

const now = Date.parse('2026-03-01T12:00:00Z');

describe('formatFor', () => {
  it('formats in English', () => {
    const format = formatFor('en');
    expect(format.int(1234567)).toBe('1,234,567');
    expect(format.percent(0.98333, 2)).toBe('98.33%');
    expect(format.points(-0.0123)).toBe('-1.23 pp');
    expect(format.bytes(78_112)).toBe('78.1 kB');
    expect(format.ms(0.0412)).toBe('0.041\u00a0ms');
    expect(format.duration(3_725)).toBe('1h 2m');
    expect(format.relative('2026-03-01T11:57:00Z', now)).toBe('3 min ago');
  });

  it('formats in Chinese', () => {
    const format = formatFor('zh');
    expect(format.compact(82_000)).toBe('8.2万');
    expect(format.points(0.005)).toBe('+0.5 个百分点');
    expect(format.ms(12.34)).toBe('12.3毫秒');
    expect(format.duration(80)).toBe('1分钟20秒');
    expect(format.relative('2026-03-01T11:57:00Z', now)).toBe('3分钟前');
  });

  it('shows a dash for what is not known', () => {
    const format = formatFor('en');
    const shown = [
      format.int(null),
      format.percent(undefined),
      format.bytes(null),
      format.ms(null),
      format.points(NaN),
    ];
    expect(new Set([...shown, format.duration(null), format.relative(null, now), format.dateTime(null)])).toEqual(
      new Set([DASH]),
    );
  });
});
