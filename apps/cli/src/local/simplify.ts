/** `verge simplify`: a smaller graph that gives the same numbers. */
import {
  assertWithin,
  type Comparison,
  compareModels,
  fedInputs,
  type ModelOpener,
  openSizes,
  type Simplified,
  simplify,
  symbolicSizes,
} from '@verge/onnx';
import { createSession, createSessionInProcess } from '@verge/runtime';
import { createOutput, fields, size, table } from '../output.js';
import { assumedFields } from './assumed.js';
import { givenInputs } from './given-inputs.js';
import { loadModel, openModelFile, refuseUnknownSizes } from './model-file.js';
import { writeChecked } from './run-drafts.js';
import { advisedRun } from './trial.js';
import { checkRows } from './written.js';

export interface SimplifyArguments {
  model: string;
  out: string;
  dim?: Record<string, number>;
  fuse: boolean;
  forInference?: boolean;
  verify: number;
  seed: number;
  tolerance?: number;
  verifyDim?: Record<string, number>;
  input?: string[];
  fill?: Record<string, number>;
  strict?: boolean;
  json?: boolean;
}

/** Below this a difference is one of rounding, however small the numbers. */
const ABSOLUTE = 1e-6;
const ADVICE =
  'sizes: --verify-dim name=size, --input name=SHAPE, or --dim to freeze them; values: --input name=FILE, --fill input=number; --verify 0 checks nothing';

function show(result: Simplified, bytes: { before: number; after: number }, out: string, notes: string[]): string {
  const rules = table(
    ['rule', '>applied', '>nodes less'],
    result.steps.map((s) => [s.rule, String(s.fired), String(s.nodesRemoved)]),
  );
  return [
    result.steps.length > 0 ? rules : 'no rule applied',
    '',
    fields([
      ['nodes', `${result.nodesBefore} before, ${result.nodesAfter} after`],
      ['size', `${size(bytes.before)} before, ${size(bytes.after)} after`],
      ...checkRows(result.comparison),
      ...notes.map((note) => ['note', note] as const),
      ...assumedFields(result),
      ['written', out],
    ]),
  ].join('\n');
}

/** @throws OnnxError `numbers-differ`, and nothing is written then */
export async function simplifyVerb(options: SimplifyArguments, json: boolean): Promise<void> {
  const file = await openModelFile(options.model);
  const model = await loadModel(file);
  refuseUnknownSizes(symbolicSizes(model), '--dim', options.dim);
  const inputs = fedInputs(model);
  refuseUnknownSizes(openSizes(inputs).keys(), '--verify-dim', options.verifyDim);
  const { shapes, given, notes } = await givenInputs(options.input ?? [], inputs);
  const simplified = await simplify(model, createSession, {
    ...(options.dim && { dims: options.dim }),
    fuse: options.fuse,
    forInference: options.forInference === true,
    strict: options.strict === true,
    // What is written is verified, below.
    verify: false,
  });
  const check = async (open: ModelOpener): Promise<Comparison> => {
    const comparison = await compareModels(model, simplified.model, createSessionInProcess, {
      runs: options.verify,
      seed: options.seed,
      ...(options.tolerance !== undefined && {
        tolerance: { absolute: options.tolerance === 0 ? 0 : ABSOLUTE, relative: options.tolerance },
      }),
      dims: { ...options.dim, ...options.verifyDim },
      shapes,
      given,
      ...(options.fill && { fill: options.fill }),
      open,
    });
    assertWithin(comparison);
    return comparison;
  };
  const { checked: comparison, bytes: after } = await writeChecked(
    options.out,
    simplified.model,
    { model, path: file.path },
    options.verify > 0 ? check : null,
  ).catch((error: unknown) => {
    throw advisedRun(error, ADVICE);
  });
  const result = { ...simplified, comparison };
  const sizes = { before: file.bytes + file.beside, after };
  const { model: _model, declined: _declined, ...report } = result;
  createOutput(json).result({ ...report, notes, bytesBefore: sizes.before, bytesAfter: sizes.after }, () =>
    show(result, sizes, options.out, notes),
  );
}
