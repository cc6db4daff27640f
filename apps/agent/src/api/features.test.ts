import type { ArtifactManifest, TensorSpec } from '@verge/contracts';
import { float32, int64, type Tensor } from '@verge/onnx';
import { describe, expect, it } from 'vitest';
import { observe } from './features.js';

const input: TensorSpec = { name: 'x', dtype: 'float32', shape: [-1, 2] };
const label = (dtype: TensorSpec['dtype']): TensorSpec => ({ name: 'label', dtype, shape: [-1] });
const scores: TensorSpec = { name: 'scores', dtype: 'float32', shape: [-1, 3] };

function classesOf(outputs: TensorSpec[], labels: string[], answered: Record<string, Tensor>) {
  // What `observe` reads of a manifest.
  const manifest = { task: 'classification', inputs: [input], outputs, labels } as unknown as ArtifactManifest;
  const { classes, features } = observe(manifest, { x: float32([2, 2], [1, 2, 3, 4]) }, answered);
  return { classes, confidence: features['output.confidence'] };
}

describe('the predicted class', () => {
  const rows = float32([2, 3], [0.1, 0.7, 0.2, 0.5, 0.25, 0.25]);

  it('is read from the scores, wherever a classifier puts them', () => {
    const answered = { label: int64([2], [1, 0]), scores: rows };
    const found = classesOf([label('int64'), scores], ['a', 'b', 'c'], answered);
    expect(found.classes).toEqual([1, 0]);
    // Probabilities are what they are, to the precision of a float32.
    expect(found.confidence!.map((c) => Math.round(c * 1e6) / 1e6)).toEqual([0.7, 0.5]);
    expect(classesOf([scores], [], { scores: rows }).classes).toEqual([1, 0]);
  });

  it('is the label where there are no scores: by name, or an index', () => {
    const text: Tensor = { dtype: 'string', dims: [2], data: ['c', 'z'] };
    expect(classesOf([label('string')], ['a', 'b', 'c'], { label: text })).toEqual({
      classes: [2],
      confidence: undefined,
    });
    expect(classesOf([label('int64')], ['a', 'b', 'c'], { label: int64([2], [2, 0]) }).classes).toEqual([2, 0]);
    expect(classesOf([label('int64')], ['7', '8'], { label: int64([2], [8, 0]) }).classes).toEqual([1]);
  });

  it('is not known from what was not asked for', () => {
    expect(classesOf([label('int64'), scores], ['a'], { label: int64([2], [1, 0]) }).classes).toEqual([]);
  });
});
