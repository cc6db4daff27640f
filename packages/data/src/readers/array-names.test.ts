import { describe, expect, it } from 'vitest';
import { findArrays, restNotes } from './array-names.js';

const pairs = (...names: string[]) =>
  findArrays('a.npz', names)?.pairs.map(({ x, y, part, further }) => [x, y, part, further('mask')]);

describe('arrays by their names', () => {
  it.each([
    ['Keras', ['x_train', 'y_train', 'x_test', 'y_test'], ['train', 'test']],
    ['validation', ['x_train', 'y_train', 'x_validation', 'y_validation'], ['train', 'validation']],
    ['valid', ['X_train', 'Y_train', 'X_valid', 'Y_valid'], ['train', 'validation']],
    ['part first', ['train_x', 'train_y', 'dev_x', 'dev_y'], ['train', 'validation']],
    [
      'MedMNIST',
      ['train_images', 'val_images', 'test_images', 'train_labels', 'val_labels', 'test_labels'],
      ['train', 'validation', 'test'],
    ],
  ])('of %s are all found', (_, names, parts) => {
    const found = findArrays('a.npz', names)!;
    expect(found.pairs.map(({ part }) => part)).toEqual(parts);
    expect(found.pairs.flatMap(({ x, y }) => [x, y!]).sort()).toEqual([...names].sort());
    expect(found.rest).toEqual([]);
  });

  it('have further inputs of the same form', () => {
    expect(pairs('x', 'y')).toEqual([['x', 'y', null, 'mask']]);
    expect(pairs('x_train', 'y_train')).toEqual([['x_train', 'y_train', 'train', 'mask_train']]);
    expect(pairs('train_images', 'train_labels')).toEqual([['train_images', 'train_labels', 'train', 'train_mask']]);
    expect(pairs('X')).toEqual([['X', null, null, 'mask']]);
  });

  it('are named where they are left out, but for further inputs', () => {
    const found = findArrays('a.npz', ['x', 'y', 'mask', 'weight', 'x_val'])!;
    expect(restNotes(found, { attention: 'mask' })).toEqual(['left out, arrays that are not read: 2 (weight, x_val)']);
  });

  it.each([
    [['x_train', 'y_train', 'x_test'], 'x_test has nothing beside it that says what is right'],
    [['x_train', 'y_train', 'y_test'], 'y_test has no samples beside it'],
    [['x_train', 'y_train', 'x_val', 'y_val', 'x_valid'], 'x_val and x_valid are the same by their names'],
    [['x', 'X', 'y'], 'x and X are the same by their names'],
  ])('are refused where one is missing or meant twice: %s', (names, problem) => {
    expect(() => findArrays('a.npz', names)).toThrow(
      expect.objectContaining({ code: 'missing-part', problems: [problem] }),
    );
  });

  it('say nothing where no array is called as samples are', () => {
    expect(findArrays('a.npz', ['images', 'a'])).toBeNull();
    expect(findArrays('a.npz', ['images', 'labels'])!.pairs).toHaveLength(1);
  });
});
