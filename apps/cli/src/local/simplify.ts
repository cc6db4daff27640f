/** `verge simplify`: a smaller graph that gives the same numbers. */
import { type Comparison, decodeModel, encodeModel, loadExternalData, type Simplified, simplify } from '@verge/onnx';
import { createSession, RuntimeError } from '@verge/runtime';
import { CliError } from '../errors.js';
import { createOutput, fields, size, table } from '../output.js';
import { writeWhole } from './files.js';
import { readModel, refuseUnknownSizes } from './model-file.js';

export interface SimplifyArguments {
  model: string;
  out: string;
  dim?: Record<string, number>;
  fuse: boolean;
  forInference?: boolean;
  verify: number;
  seed: number;
  tolerance: number;
  verifyDim?: Record<string, number>;
  fill?: Record<string, number>;
  json?: boolean;
}

/** Below this a difference is one of rounding, however small the numbers. */
const ABSOLUTE = 1e-6;

function show(result: Simplified, bytes: { before: number; after: number }, out: string): string {
  const { comparison: c } = result;
  const apart = (d: Comparison): string =>
    d.absolute === 0 ? 'equal' : `at most ${d.absolute.toPrecision(3)} apart, relative ${d.relative.toPrecision(3)}`;
  const check = c ? `${c.runs} sets of random inputs: ${apart(c)}` : 'not checked';
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
      ['numbers', check],
      ['written', out],
    ]),
  ].join('\n');
}

/** The original does not run on the inputs that were drawn for it, which the caller can mend. */
function advised(error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.code !== 'run-failed') return error;
  return new CliError('usage', 'the model does not run on random inputs', [
    error.message,
    'sizes: --verify-dim name=size, or --dim to freeze them; values: --fill input=number; --verify 0 checks nothing',
  ]);
}

/** @throws OnnxError `numbers-differ`, and nothing is written then */
export async function simplifyVerb(options: SimplifyArguments, json: boolean): Promise<void> {
  const { bytes, session } = await readModel(options.model);
  const model = loadExternalData(decodeModel(bytes), session.externalData ?? new Map<string, Uint8Array>());
  refuseUnknownSizes(model, '--dim', options.dim);
  refuseUnknownSizes(model, '--verify-dim', options.verifyDim);
  const result = await simplify(model, createSession, {
    ...(options.dim && { dims: options.dim }),
    fuse: options.fuse,
    forInference: options.forInference === true,
    verify: options.verify > 0 && {
      runs: options.verify,
      seed: options.seed,
      tolerance: { absolute: options.tolerance === 0 ? 0 : ABSOLUTE, relative: options.tolerance },
      ...(options.verifyDim && { dims: options.verifyDim }),
      ...(options.fill && { fill: options.fill }),
    },
  }).catch((error: unknown) => {
    throw advised(error);
  });
  const simplified = encodeModel(result.model);
  await writeWhole(options.out, simplified);
  const external = [...(session.externalData?.values() ?? [])].reduce((sum, b) => sum + b.byteLength, 0);
  const sizes = { before: bytes.byteLength + external, after: simplified.byteLength };
  const { model: _model, declined: _declined, ...report } = result;
  createOutput(json).result({ ...report, bytesBefore: sizes.before, bytesAfter: sizes.after }, () =>
    show(result, sizes, options.out),
  );
}
