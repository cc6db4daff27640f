import type { Preprocess, PreprocessStep, StepOf } from '@verge/contracts';
import { DataError } from '../errors.js';
import { layouts } from './sample.js';
import { steps, type Facts } from './steps.js';

function factsOf(input: Preprocess['input']): Facts {
  const unknown = { height: null, width: null, rate: null };
  if (input.kind === 'image') return { ...unknown, kind: 'image', vector: false, channels: 3 };
  if (input.kind === 'audio') return { ...unknown, kind: 'series', vector: false, height: 1, channels: 1 };
  const { kind, rank, sizes } = layouts[input.layout];
  const vector = input.layout === 'N';
  if (input.shape.length !== rank) return { ...unknown, kind, vector, channels: input.layout === 'HW' ? 1 : null };
  const [height, width, channels] = sizes(input.shape);
  return { kind, vector, height, width, channels, rate: null };
}

function foresee<Op extends PreprocessStep['op']>(
  facts: Facts,
  step: StepOf<Op>,
  refuse: (problem: string) => void,
): Facts {
  return steps[step.op as Op].foresee(facts, step, refuse);
}

/** What is wrong with the promise, as far as the shape is known. */
function promiseProblem(facts: Facts, output: Preprocess['output']): string | null {
  const { rank, kind, shape } = layouts[output.layout];
  if (output.shape.length !== rank)
    return `layout ${output.layout} needs ${rank} axes, the shape has ${output.shape.length}`;
  if (facts.kind === 'image' && kind === 'series' && output.layout !== 'N')
    return `layout ${output.layout} is for series, the steps yield an image`;
  const { height, width, channels } = facts;
  if (height === null || width === null || channels === null) return null;
  const found = shape(height, width, channels);
  return found.join() === output.shape.join()
    ? null
    : `the steps yield [${found.join(', ')}] as ${output.layout}, the pipeline promises [${output.shape.join(', ')}]`;
}

/**
 * Checks what the schema cannot: that layouts fit shapes, that the steps fit each other, and that they yield what is
 * promised.
 * @throws DataError `bad-preprocess` listing every problem
 */
export function checkPreprocess(pipeline: Preprocess): void {
  const problems: string[] = [];
  const { input, output } = pipeline;
  if (input.kind === 'array' && input.shape.length !== layouts[input.layout].rank) {
    problems.push(
      `input: layout ${input.layout} needs ${layouts[input.layout].rank} axes, the shape has ${input.shape.length}`,
    );
  }
  let facts = factsOf(input);
  const found: string[] = [];
  pipeline.steps.forEach((step, i) => {
    facts = foresee(facts, step, (problem) => found.push(`steps[${i}]: ${problem}`));
  });
  const promise = promiseProblem(facts, output);
  // What comes out of steps that do not fit says nothing about the promise, but for its number of axes.
  if (promise !== null && (found.length === 0 || output.shape.length !== layouts[output.layout].rank))
    problems.push(`output: ${promise}`);
  problems.push(...found);
  if (problems.length > 0) throw new DataError('bad-preprocess', problems.join('; '), { problems });
}
