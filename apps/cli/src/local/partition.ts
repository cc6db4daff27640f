/** `verge partition`: a model as consecutive stages, each a model of its own. */
import { join } from 'node:path';
import {
  atSizes,
  fedInputs,
  knownWords,
  openModel,
  type Model,
  normalise,
  openSizes,
  partition,
  type PartitionOptions,
  settleInputs,
} from '@verge/onnx';
import { createSessionInProcess, profileNodes } from '@verge/runtime';
import { z } from 'zod';
import { readDocument } from '../documents.js';
import { CliError } from '../errors.js';
import { createOutput, fields, size, table } from '../output.js';
import { assumedFields } from './assumed.js';
import { emptyFolder, writeJson } from './files.js';
import { givenInputs } from './given-inputs.js';
import { loadModel, openModelFile, refuseUnknownSizes } from './model-file.js';
import { advisedRun, sizesIn } from './trial.js';
import { writeModel } from './write-model.js';

export interface PartitionArguments {
  model: string;
  stages: number;
  out: string;
  force?: boolean;
  dim?: Record<string, number>;
  slack: number;
  costs?: string;
  measure?: number;
  input?: string[];
  fill?: Record<string, number>;
  strict?: boolean;
  json?: boolean;
}

/** What costs were counted at, beside them. */
type Costed = Pick<PartitionOptions, 'cost' | 'bytes' | 'dims'> & {
  readonly assumed?: Readonly<Record<string, number>>;
  readonly notes?: readonly string[];
};

const Costs = z.record(z.string(), z.number().min(0));

/** Costs from a file, or measured here; none leaves the estimate. */
async function costsOf(options: PartitionArguments, model: Model): Promise<Costed> {
  if (options.input && !options.measure) throw new CliError('usage', '--input is for --measure');
  if (options.costs && options.measure) throw new CliError('usage', '--costs and --measure exclude each other');
  if (options.costs) return { cost: new Map(Object.entries(await readDocument(options.costs, Costs, 'costs'))) };
  if (!options.measure) return {};
  const inputs = fedInputs(model);
  const { shapes, given, notes } = await givenInputs(options.input ?? [], inputs);
  // In a process of its own first, with the kernels that the profile runs: what crashes does so there.
  const session = await openModel(createSessionInProcess, model, { optimization: 'disabled' });
  try {
    const { feeds, sizes, assumed } = await settleInputs(inputs, (values) => session.run(values), {
      dims: options.dim ?? {},
      shapes,
      given,
      words: knownWords(model),
      ...(options.fill && { fill: options.fill }),
    });
    const { milliseconds, bytes } = await profileNodes(model, feeds, { runs: options.measure });
    return { cost: milliseconds, bytes, dims: sizes, assumed, notes };
  } finally {
    await session.release();
  }
}

export async function partitionVerb(options: PartitionArguments, json: boolean): Promise<void> {
  const model = await loadModel(await openModelFile(options.model));
  // What measures needs sizes that are none below 0, and the rest of what was repaired.
  const normal = normalise(model).model;
  refuseUnknownSizes(openSizes(fedInputs(normal)).keys(), '--dim', options.dim);
  const {
    assumed = atSizes(normal, options.dim).assumed,
    notes = [],
    ...costed
  } = await costsOf(options, normal).catch((error: unknown) => {
    throw advisedRun(error, 'with --measure: --dim name=size, --input name=SHAPE or FILE, --fill input=number');
  });
  const result = partition(model, {
    stages: options.stages,
    slack: options.slack,
    strict: options.strict === true,
    ...(options.dim && { dims: options.dim }),
    ...costed,
  });
  await emptyFolder(options.out, options.force === true, 'replace it with --force, or name another folder');
  const stages: (Omit<(typeof result.stages)[number], 'model'> & { file: string; nodes: number; bytes: number })[] = [];
  for (const [k, { model: stage, ...rest }] of result.stages.entries()) {
    const file = `stage-${k + 1}.onnx`;
    const written = await writeModel(join(options.out, file), stage);
    stages.push({ file, nodes: stage.graph.nodes.length, bytes: written, ...rest });
  }
  const { bottleneck, balance, trafficBytes, repairs, claims } = result;
  const report = {
    bottleneck,
    balance,
    trafficBytes,
    assumed: Object.fromEntries(Object.entries(assumed).filter(([name]) => options.dim?.[name] === undefined)),
    notes,
    repairs,
    claims,
    stages,
  };
  await writeJson(join(options.out, 'stages.json'), report);
  createOutput(json).result(report, () =>
    [
      table(
        ['stage', '>nodes', '>size', '>share of cost', '>takes in', 'from outside'],
        report.stages.map((s) => [
          s.file,
          String(s.nodes),
          size(s.bytes),
          `${((100 * s.cost) / (bottleneck * balance * report.stages.length || 1)).toFixed(1)} %`,
          size(s.trafficBytes),
          s.inputs.length > 3 ? `${s.inputs.length} values` : s.inputs.join(', '),
        ]),
      ),
      '',
      fields([
        ['balance', `${balance.toFixed(3)} (mean cost of a stage over that of the dearest)`],
        ['traffic', size(trafficBytes)],
        ['assumed', sizesIn(report.assumed)],
        ...notes.map((note) => ['note', note] as const),
        ...assumedFields(report),
        ['written', options.out],
      ]),
    ].join('\n'),
  );
}
