import { TrainingConfig } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { parseDocument } from './parse-document.js';

describe('parseDocument', () => {
  it('gives the value of valid YAML and of valid JSON', () => {
    const yaml = parseDocument('model: { architecture: mlp }\nepochs: 3\noptimizer: { name: sgd }\n', TrainingConfig);
    const json = parseDocument(
      '{"model": {"architecture": "mlp"}, "epochs": 3, "optimizer": {"name": "sgd"}}',
      TrainingConfig,
    );
    expect(yaml).toEqual(json);
    expect(yaml.ok && yaml.value.optimizer).toMatchObject({ name: 'sgd', learningRate: 0.1, momentum: 0.9 });
  });

  it('names every bad field at once, with its line', () => {
    const text = 'model: { architecture: mlp }\nepochs: 0\noptimizer:\n  name: adamw\n  beta1: 2\nwidth: 4\n';
    const { ok, faults } = parseDocument(text, TrainingConfig);
    expect(ok).toBe(false);
    expect(faults.map(({ field, line }) => [field, line])).toEqual([
      ['/epochs', 2],
      ['/optimizer/beta1', 5],
      ['/width', 6],
    ]);
  });

  it('places a field that is missing at the nearest one around it', () => {
    const { faults } = parseDocument(
      'model: { architecture: mlp }\nepochs: 1\nearlyStop: {}\noptimizer: { name: sgd }\n',
      TrainingConfig,
    );
    expect(faults).toMatchObject([{ field: '/earlyStop/patience', line: 3 }]);
  });

  it('says where text that is no YAML ends to be it', () => {
    const { ok, faults } = parseDocument('model: {\nepochs: 1\n  : x', TrainingConfig);
    expect(ok).toBe(false);
    expect(faults[0]?.field).toBe('/');
    expect(faults[0]?.line).toBeGreaterThan(0);
  });
});
