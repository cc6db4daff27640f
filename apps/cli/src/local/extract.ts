/** `verge extract`: a part of a model, named by the values at its edges, as a model of its own. */
import {
  checkSubgraph,
  type Comparison,
  extractSubgraph,
  fedInputs,
  type ModelOpener,
  openSizes,
  prepare,
  type ValueInfo,
} from '@verge/onnx';
import { createSessionInProcess } from '@verge/runtime';
import { createOutput, fields, size } from '../output.js';
import { assumedFields } from './assumed.js';
import { givenInputs } from './given-inputs.js';
import { loadModel, openModelFile, refuseUnknownSizes } from './model-file.js';
import { writeChecked } from './run-drafts.js';
import { advisedRun } from './trial.js';
import { checkRows } from './written.js';

export interface ExtractArguments {
  model: string;
  from?: string[];
  to?: string[];
  out: string;
  verify: boolean;
  dim?: Record<string, number>;
  input?: string[];
  fill?: Record<string, number>;
  strict?: boolean;
  json?: boolean;
}

const spelled = ({ name, type }: ValueInfo): string =>
  type?.kind === 'tensor'
    ? `${name} ${type.dtype ?? '?'} [${(type.shape ?? ['?']).map((d) => d ?? '?').join(', ')}]`
    : name;

/** @throws OnnxError `partition` naming every value that is not there or missing; `numbers-differ`, and nothing is written */
export async function extractVerb(options: ExtractArguments, json: boolean): Promise<void> {
  const whole = await loadModel(await openModelFile(options.model));
  const { model, repairs, claims } = prepare(whole, { strict: options.strict === true });
  const inputs = fedInputs(model);
  refuseUnknownSizes(openSizes(inputs).keys(), '--dim', options.dim);
  const { shapes, given, notes } = await givenInputs(options.input ?? [], inputs);
  const part = extractSubgraph(model, {
    ...(options.from && { from: options.from }),
    ...(options.to && { to: options.to }),
  });
  const check = { dims: options.dim ?? {}, shapes, given, fill: options.fill ?? {} };
  const advice = '--dim name=size, --input name=SHAPE or FILE, --fill input=number; --no-verify';
  const compare = (open: ModelOpener): Promise<Comparison> =>
    checkSubgraph(model, part, createSessionInProcess, { ...check, open });
  const { checked: comparison, bytes: bytesWritten } = await writeChecked(
    options.out,
    part,
    { model },
    options.verify ? compare : null,
  ).catch((error: unknown) => {
    throw advisedRun(error, advice);
  });
  const { graph } = part;
  const report = {
    inputs: fedInputs(part).map((i) => i.name),
    outputs: graph.outputs.map((o) => o.name),
    nodes: graph.nodes.length,
    nodesOfWhole: model.graph.nodes.length,
    bytes: bytesWritten,
    comparison,
    notes,
    repairs,
    claims,
  };
  createOutput(json).result(report, () =>
    fields([
      [
        'inputs',
        graph.inputs
          .filter((i) => report.inputs.includes(i.name))
          .map(spelled)
          .join('; '),
      ],
      ['outputs', graph.outputs.map(spelled).join('; ')],
      ['nodes', `${report.nodes} of ${report.nodesOfWhole}`],
      ['size', size(bytesWritten)],
      ...checkRows(comparison),
      ...notes.map((note) => ['note', note] as const),
      ...assumedFields({ repairs, claims }),
      ['written', options.out],
    ]),
  );
}
