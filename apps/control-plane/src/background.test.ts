import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { RepeatedTask, retryDelayMs } from './background.js';

const log = pino({ level: 'silent' });

describe('a repeated task', () => {
  it('goes on after failures, one run at a time, and ends when it is told to', async () => {
    let runs = 0;
    let atOnce = 0;
    let most = 0;
    const task = new RepeatedTask({
      name: 'the task',
      everyMs: 1,
      log,
      task: async () => {
        most = Math.max(most, ++atOnce);
        await sleep(5);
        atOnce--;
        if (runs++ % 2 === 0) throw new Error('away');
      },
    });
    task.start();
    task.start();
    while (runs < 3) await sleep(10);
    await task.stop();
    const ended = runs;
    await sleep(30);
    expect([most, runs]).toEqual([1, ended]);
  });

  it('waits longer after each failure, up to ten seconds, and never for nothing', () => {
    const least = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => retryDelayMs(failures, 0));
    expect(least).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    expect(retryDelayMs(100, 0.999)).toBeLessThanOrEqual(10_000);
  });
});
