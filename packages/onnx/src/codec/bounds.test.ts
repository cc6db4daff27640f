import { describe, expect, it } from 'vitest';
import { checkModel, decodeModel, encodeModel, inferShapes, OnnxError, type Model } from '../index.js';
import {
  deepFunctions,
  doublingFunctions,
  highRank,
  longChain,
  manyBranches,
  nestedLoops,
  wideNodes,
} from './corpus-models.js';

/** What inference answers: a code, or 'inferred'. */
function answer(model: Model): string {
  try {
    inferShapes(model);
    return 'inferred';
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
}

/**
 * Files of two megabytes at most that would take very long, or all memory, if anything went over them quadratically or
 * worse. The limit of time is far above what they take (about a second each), so that a busy machine does not fail.
 */
const CASES: [string, () => Model, string][] = [
  ['a rank of 200,000', () => highRank(200_000), 'inferred'],
  ['a chain of 40,000 nodes', () => longChain(40_000), 'inferred'],
  ['nodes of 40,000 inputs and outputs', () => wideNodes(40_000), 'shape'],
  ['2,000 branches that nothing decides', () => manyBranches(2_000), 'inferred'],
  ['20 loops inside each other', () => nestedLoops(20), 'inferred'],
  ['functions that amount to 2^60 nodes', () => doublingFunctions(60), 'too-large'],
  ['functions that call each other 20,000 deep', () => deepFunctions(20_000), 'too-deep'],
];

describe('hostile files of some size', () => {
  it.each(CASES)('are answered soon: %s', (_, make, expected) => {
    const bytes = encodeModel(make());
    const begin = performance.now();
    const model = decodeModel(bytes);
    checkModel(model);
    const answered = answer(model);
    expect(encodeModel(model).length).toBe(bytes.length);
    expect(answered).toBe(expected);
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  it('are refused when they hold more messages than the limit, before they take memory', () => {
    const bytes = encodeModel(longChain(1000));
    expect(() => decodeModel(bytes, { messages: 500 })).toThrow(OnnxError);
    expect(() => decodeModel(bytes, { bytes: 1000 })).toThrow(OnnxError);
  });
});
