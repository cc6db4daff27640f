import { describe, expect, it } from 'vitest';
import { datasetPathProblem, datasetPathProblems } from './index.js';

describe('a path in a data set', () => {
  it.each(['digits.csv', 'train/cat/001.png', '产线/图.png', 'a b.csv', '.hidden/x', '12:30.wav', 'x'.repeat(255)])(
    '%s is one',
    (path) => expect(datasetPathProblem(path)).toBeNull(),
  );

  it.each([
    '',
    '/etc/passwd',
    '../../etc/passwd',
    'a/../../b',
    'a/./b',
    'a//b',
    'a/',
    'C:\\x',
    'C:x',
    'a\\b',
    'a\nb',
    'a\u001b[2Jb',
    'a\0b',
    '\u202egnp.exe',
    'a./b',
    'a /b',
    'x'.repeat(256),
    '图'.repeat(90),
  ])('%j is none', (path) => expect(datasetPathProblem(path)).not.toBeNull());

  it('is no other file of the data set, on any file system', () => {
    const paths = ['a.csv', 'b/c', 'A.csv', 'caf\u00e9', 'cafe\u0301', 'a.csv', 'B'];
    expect(datasetPathProblems(paths).map(({ index }) => index)).toEqual([2, 4, 5, 6]);
  });
});
