import { Preprocess } from '@verge/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import { checkPreprocess } from './check.js';
import { preprocessArray } from './pipeline.js';

const small = fc.integer({ min: 1, max: 40 });
const size = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }));
const mel = {
  rate: fc.constantFrom(8000, 16_000),
  fft: fc.constantFrom(16, 32),
  hop: fc.integer({ min: 1, max: 20 }),
  mels: fc.integer({ min: 1, max: 6 }),
  center: fc.boolean(),
};
const step = fc.oneof(
  fc.record({ op: fc.constant('fit-length'), steps: small, keep: fc.constantFrom('start', 'center', 'end') }),
  fc.record({ op: fc.constant('resample'), rate: fc.constantFrom(8000, 16_000), from: fc.constantFrom(8000, 16_000) }),
  fc.record({ op: fc.constant('log-mel'), ...mel }),
  fc.record({ op: fc.constant('mfcc'), ...mel, coefficients: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ op: fc.constant('resize'), size, fit: fc.constantFrom('stretch', 'shorter-side', 'letterbox') }),
  fc.record({ op: fc.constant('center-crop'), size }),
  fc.record({ op: fc.constant('color'), to: fc.constantFrom('gray', 'rgb') }),
  fc.constantFrom(
    { op: 'to-image' },
    { op: 'pre-emphasis' },
    { op: 'trim-silence', frame: 8, hop: 4 },
    { op: 'standardize', over: 'channel' },
    { op: 'scale', scale: 2 },
    { op: 'normalize', mean: [1, 2], std: [3] },
  ),
);
const input = fc.oneof(
  fc.record({ layout: fc.constantFrom('TC', 'CT'), shape: fc.tuple(small, fc.constantFrom(1, 2)) }),
  fc.record({ layout: fc.constant('HW'), shape: size }),
  fc.record({ layout: fc.constant('HWC'), shape: fc.tuple(small, small, fc.constantFrom(1, 3)) }),
  fc.record({ layout: fc.constant('N'), shape: fc.tuple(small) }),
);

/** What the check says, and the shape that it foresees where it says that the promise is another one. */
function foreseen(pipeline: Preprocess): { problems: readonly string[]; shape: number[] | null } {
  try {
    checkPreprocess(pipeline);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const yields = /^output: the steps yield \[([0-9, ]+)\]/.exec(error.problems[0] ?? '')?.[1];
    return { problems: error.problems, shape: yields ? yields.split(', ').map(Number) : null };
  }
  return { problems: [], shape: null };
}

describe('what the check foresees', () => {
  it('is what the steps yield, and whatever it lets pass runs or ends in a DataError', () => {
    let agreed = 0;
    fc.assert(
      fc.property(input, fc.array(step, { maxLength: 5 }), ({ layout, shape }, steps) => {
        const count = shape.reduce((a, b) => a * b, 1);
        const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
        const promise = (length: number): Preprocess =>
          Preprocess.parse({
            input: { kind: 'array', layout, shape },
            steps,
            output: { layout: 'N', shape: [length] },
          });
        // No sample of these sizes becomes so long.
        const { problems, shape: found } = foreseen(promise(999_983));
        if (found) {
          agreed++;
          expect(foreseen(promise(found[0]!)).problems).toEqual([]);
          expect(preprocessArray(promise(found[0]!), data)).toHaveLength(found[0]!);
        } else if (problems.length === 0) {
          // Only a sample can tell how much of it is silence.
          expect(() => preprocessArray(promise(999_983), data)).toThrow(DataError);
        }
      }),
      { numRuns: 1500 },
    );
    expect(agreed).toBeGreaterThan(200);
  });
});
