import { describe, expect, it } from 'vitest';
import { SharedAnswers } from './shared-answers.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('SharedAnswers', () => {
  it('gives all who ask at once one answer, which begins after they asked', async () => {
    const answers = new SharedAnswers();
    const open: ((n: number) => void)[] = [];
    const ask = () => answers.ask('q', () => new Promise<number>((resolve) => open.push(resolve)));
    const first = ask();
    const others = [ask(), ask(), ask()];
    expect(open).toHaveLength(1);
    open[0]!(1);
    expect(await first).toBe(1);
    await turn();
    expect(open).toHaveLength(2);
    const late = ask();
    open[1]!(2);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await turn();
    open[2]!(3);
    expect(await late).toBe(3);
    await turn();
    const again = ask();
    expect(open).toHaveLength(4);
    open[3]!(4);
    expect(await again).toBe(4);
  });

  it('tells each who asked of a failure, and answers the next', async () => {
    const answers = new SharedAnswers();
    const failing = answers.ask('q', () => Promise.reject(new Error('gone')));
    const next = answers.ask('q', () => Promise.resolve(1));
    await expect(failing).rejects.toThrow('gone');
    expect(await next).toBe(1);
  });

  it('does not mix questions', async () => {
    const answers = new SharedAnswers();
    const both = [answers.ask('a', () => Promise.resolve('a')), answers.ask('b', () => Promise.resolve('b'))];
    expect(await Promise.all(both)).toEqual(['a', 'b']);
  });
});
