import { describe, expect, it } from 'vitest';
import { timeMarks } from './time-axis.js';

const steps = (from: string, count: number, seconds: number): number[] =>
  Array.from({ length: count }, (_, i) => Date.parse(from) + i * seconds * 1000);
const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);

describe('the marks of a time axis', () => {
  it('are at round moments', () => {
    const hour = steps('2026-01-01T10:03:00Z', 120, 30);
    expect(timeMarks(hour, 0).map(clock)).toEqual(['10:10', '10:20', '10:30', '10:40', '10:50', '11:00']);
    const day = steps('2026-01-01T10:12:00Z', 120, 720);
    expect(timeMarks(day, 0).map(clock)).toEqual(['12:00', '18:00', '00:00', '06:00']);
  });

  it('are round on the clock of the reader', () => {
    const day = steps('2026-01-01T10:00:00Z', 96, 900);
    expect(timeMarks(day, -330).map((at) => clock(at + 330 * 60_000))).toEqual(['18:00', '00:00', '06:00', '12:00']);
  });

  it('are there for any window, and none without one', () => {
    expect(timeMarks([], 0)).toEqual([]);
    expect(timeMarks(steps('2026-01-01T10:00:10Z', 5, 1), 0)).toHaveLength(1);
    expect(timeMarks(steps('2000-01-01T00:00:00Z', 100, 86_400 * 90), 0).length).toBeGreaterThan(2);
  });
});
