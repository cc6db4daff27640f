import { TrainingConfig } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { taskOfData } from './data-task.js';

const config = (more: object = {}): TrainingConfig =>
  TrainingConfig.parse({ model: { architecture: 'mlp' }, epochs: 1, optimizer: { name: 'adam' }, ...more });
const shape = [4];
const numbers = { shape, y: new Int32Array(2).fill(-1), labels: [], targets: Float32Array.of(1, 2, 3, 4) };
const classes = { shape, y: Int32Array.of(0, 1), labels: ['a', 'b'] };

describe('a configuration for data of numbers', () => {
  it('learns them by mean squares unless it names a loss, with an output for each', () => {
    expect(taskOfData(config(), numbers)).toEqual({
      config: config({ loss: { kind: 'mse' } }),
      classes: 2,
      notes: ['each sample has 2 numbers to learn, so the loss is mse'],
    });
    const own = config({ loss: { kind: 'huber' } });
    expect(taskOfData(own, numbers)).toEqual({ config: own, classes: 2, notes: [] });
  });

  it('is refused where it names a loss of classes', () => {
    expect(() => taskOfData(config({ loss: { kind: 'cross-entropy' } }), numbers)).toThrow(
      expect.objectContaining({ code: 'bad-options', message: expect.stringContaining('targetKind: class') }),
    );
  });
});

describe('a configuration for other data', () => {
  it('stays as it is, and one class alone is said', () => {
    expect(taskOfData(config(), classes)).toEqual({ config: config(), classes: 2, notes: [] });
    expect(taskOfData(config(), { ...classes, labels: ['a'] }).notes).toHaveLength(1);
    const positions = { shape, y: new Int32Array(1).fill(-1), labels: [], targets: Int32Array.of(0, 1) };
    expect(taskOfData(config(), positions)).toEqual({ config: config(), classes: 0, notes: [] });
  });
});
