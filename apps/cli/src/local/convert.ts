/** `verge convert`: a model in another operator set, checked by running both. */
import {
  assertWithin,
  compareModels,
  type Comparison,
  convertOpset,
  extractSubgraph,
  fedInputs,
  type Model,
  type ModelOpener,
  openSizes,
  prepare,
} from '@verge/onnx';
import { createSessionInProcess } from '@verge/runtime';
import { createOutput, fields, size, table } from '../output.js';
import { assumedFields } from './assumed.js';
import { givenInputs } from './given-inputs.js';
import { loadModel, openModelFile, refuseUnknownSizes } from './model-file.js';
import { writeChecked } from './run-drafts.js';
import { advisedRun } from './trial.js';
import { checkRows } from './written.js';

export interface ConvertArguments {
  model: string;
  opset: number;
  out: string;
  output?: string[];
  verify: number;
  seed: number;
  tolerance?: number;
  dim?: Record<string, number>;
  input?: string[];
  fill?: Record<string, number>;
  strict?: boolean;
  json?: boolean;
}

/** Below this a difference is one of rounding, however small the numbers. */
const ABSOLUTE = 1e-6;
const ADVICE = '--dim name=size, --input name=SHAPE or FILE, --fill input=number; --verify 0 checks nothing';

/** Writes the model once it gives the same numbers as the original. @param path the original's file, where it is that */
async function write(
  options: ConvertArguments,
  original: { model: Model; path?: string },
  converted: Model,
): Promise<{ comparison: Comparison | null; bytes: number; notes: string[] }> {
  const inputs = fedInputs(original.model);
  refuseUnknownSizes(openSizes(inputs).keys(), '--dim', options.dim);
  const { shapes, given, notes } = await givenInputs(options.input ?? [], inputs);
  const check = async (open: ModelOpener): Promise<Comparison> => {
    const comparison = await compareModels(original.model, converted, createSessionInProcess, {
      runs: options.verify,
      seed: options.seed,
      ...(options.tolerance !== undefined && {
        tolerance: { absolute: options.tolerance === 0 ? 0 : ABSOLUTE, relative: options.tolerance },
      }),
      dims: options.dim ?? {},
      shapes,
      given,
      fill: options.fill ?? {},
      open,
    }).catch((error: unknown) => {
      throw advisedRun(error, ADVICE);
    });
    assertWithin(comparison);
    return comparison;
  };
  const { checked, bytes } = await writeChecked(options.out, converted, original, options.verify > 0 ? check : null);
  return { comparison: checked, bytes, notes };
}

/**
 * @throws OnnxError `opset` naming every node that the operator set cannot say; `numbers-differ`; RuntimeError
 *   `model-refused` when ONNX Runtime does not take the result. Nothing is written then
 */
export async function convertVerb(options: ConvertArguments, json: boolean): Promise<void> {
  const file = await openModelFile(options.model);
  const stored = await loadModel(file);
  const { model: whole, repairs, claims } = prepare(stored, { strict: options.strict === true });
  const model = options.output ? extractSubgraph(whole, { to: options.output }) : whole;
  const converted = convertOpset(model, options.opset);
  const asItIs = repairs.length === 0 && !options.output;
  const original = { model, ...(asItIs && { path: file.path }) };
  const { comparison, bytes: bytesWritten, notes } = await write(options, original, converted.model);
  const { from, to } = converted;
  const changed = [...converted.changed].map(([op, nodes]) => ({ op, nodes }));
  const nodes = { before: whole.graph.nodes.length, after: converted.model.graph.nodes.length };
  createOutput(json).result(
    {
      from,
      to,
      changed,
      nodesBefore: nodes.before,
      nodesAfter: nodes.after,
      bytes: bytesWritten,
      comparison,
      notes,
      repairs,
      claims,
    },
    () =>
      [
        changed.length > 0
          ? table(
              ['written otherwise', '>nodes'],
              changed.map((c) => [c.op, String(c.nodes)]),
            )
          : 'every node means the same in both',
        '',
        fields([
          ['operator set', `${from} before, ${to} after`],
          ['nodes', `${nodes.before} before, ${nodes.after} after`],
          ['size', size(bytesWritten)],
          ...checkRows(comparison),
          ...notes.map((note) => ['note', note] as const),
          ...assumedFields({ repairs, claims }),
          ['written', options.out],
        ]),
      ].join('\n'),
  );
}
