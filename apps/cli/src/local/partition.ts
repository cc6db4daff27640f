/** `verge partition`: a model as consecutive stages, each a model of its own. */
import { join } from 'node:path';
import {
  decodeModel,
  encodeModel,
  loadExternalData,
  type Model,
  partition,
  type PartitionOptions,
  randomFeeds,
} from '@verge/onnx';
import { profileNodes } from '@verge/runtime';
import { z } from 'zod';
import { readDocument } from '../documents.js';
import { CliError } from '../errors.js';
import { createOutput, fields, size, table } from '../output.js';
import { emptyFolder, writeJson, writeWhole } from './files.js';
import { readModel, refuseUnknownSizes } from './model-file.js';

export interface PartitionArguments {
  model: string;
  stages: number;
  out: string;
  force?: boolean;
  dim?: Record<string, number>;
  slack: number;
  costs?: string;
  measure?: number;
  fill?: Record<string, number>;
  json?: boolean;
}

const Costs = z.record(z.string(), z.number().min(0));

/** Costs from a file, or measured here; none leaves the estimate. */
async function costsOf(options: PartitionArguments, model: Model): Promise<Pick<PartitionOptions, 'cost' | 'bytes'>> {
  if (options.costs && options.measure) throw new CliError('usage', '--costs and --measure exclude each other');
  if (options.costs) return { cost: new Map(Object.entries(await readDocument(options.costs, Costs, 'costs'))) };
  if (!options.measure) return {};
  const feeds = randomFeeds(model, {
    ...(options.dim && { dims: options.dim }),
    ...(options.fill && { fill: options.fill }),
  });
  const { milliseconds, bytes } = await profileNodes(model, feeds, { runs: options.measure });
  return { cost: milliseconds, bytes };
}

export async function partitionVerb(options: PartitionArguments, json: boolean): Promise<void> {
  const { bytes, session } = await readModel(options.model);
  const model = loadExternalData(decodeModel(bytes), session.externalData ?? new Map<string, Uint8Array>());
  refuseUnknownSizes(model, '--dim', options.dim);
  const result = partition(model, {
    stages: options.stages,
    slack: options.slack,
    ...(options.dim && { dims: options.dim }),
    ...(await costsOf(options, model)),
  });
  await emptyFolder(options.out, options.force === true, 'replace it with --force, or name another folder');
  const stages = result.stages.map(({ model: stage, ...rest }, k) => ({
    file: `stage-${k + 1}.onnx`,
    nodes: stage.graph.nodes.length,
    bytes: encodeModel(stage),
    ...rest,
  }));
  for (const { file, bytes: content } of stages) await writeWhole(join(options.out, file), content);
  const { bottleneck, balance, trafficBytes } = result;
  const report = {
    bottleneck,
    balance,
    trafficBytes,
    stages: stages.map(({ bytes: content, ...rest }) => ({ ...rest, bytes: content.byteLength })),
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
        ['written', options.out],
      ]),
    ].join('\n'),
  );
}
