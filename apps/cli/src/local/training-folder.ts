/** The folder of one training: its configuration, its last checkpoint, and in the end its model and report. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { TrainingConfig } from '@verge/contracts';
import { CliError } from '../errors.js';
import type { Output } from '../output.js';
import { ADAPTERS } from './adapters.js';
import { emptyFolder, folderFor, removeDrafts, writeJson, writeWhole } from './files.js';
import type { TrainReport } from './train.js';
import type { Draft } from './write-model.js';

export interface TrainingFolder {
  /** Path of the model, once there is one. */
  readonly model: string;
  /** The report of a training that has ended here; it is not run again. */
  readonly finished: TrainReport | undefined;
  readCheckpoint(): Promise<Uint8Array | undefined>;
  writeCheckpoint(pieces: Iterable<Uint8Array>): Promise<void>;
  /** A folder for what the training needs on the disk meanwhile; it is not there yet. */
  readonly scratch: string;
  /**
   * Model first, report last: a report means that all is there.
   * @param model written beside its place (`draftModel`)
   * @param adapters an NPZ, where the training had adapters
   */
  finish(model: Draft, report: TrainReport, adapters?: Uint8Array): Promise<void>;
}

const readJson = async (path: string): Promise<unknown> => {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
};

/** @throws CliError `usage` when what the folder holds is not this training */
async function checkSame(out: string, config: TrainingConfig, names: readonly string[]): Promise<void> {
  const advice = 'start over with --force, or name another folder';
  if (names.length > 0 && !names.includes('config.json'))
    throw new CliError('usage', `--out: '${out}' holds no training to go on with`, [advice]);
  const parsed = TrainingConfig.safeParse(await readJson(join(out, 'config.json')));
  if (names.length === 0 || (parsed.success && isDeepStrictEqual(parsed.data, config))) return;
  const before: Record<string, unknown> = parsed.success ? parsed.data : {};
  const changed = Object.keys({ ...before, ...config }).filter(
    (key) => !isDeepStrictEqual(before[key], (config as Record<string, unknown>)[key]),
  );
  throw new CliError('usage', `--out: the training in '${out}' has another configuration`, [
    `different: ${changed.join(', ')}`,
    advice,
  ]);
}

export async function openTrainingFolder(
  out: string,
  config: TrainingConfig,
  { resume = false, force = false }: { resume?: boolean; force?: boolean },
  output: Output,
): Promise<TrainingFolder> {
  const path = (name: string): string => join(out, name);
  await removeDrafts(out);
  if (resume && !force) await checkSame(out, config, await folderFor(out));
  else await emptyFolder(out, force, 'go on with --resume, or start over with --force');
  if (force)
    for (const name of ['report.json', 'model.onnx', 'model.onnx.data', ADAPTERS, 'checkpoint.bin', 'config.json'])
      await rm(path(name), { force: true });
  const finished = (await readJson(path('report.json'))) as TrainReport | undefined;
  // Not before there is something to keep: a run that fails at once leaves the folder as it was.
  let described = false;
  const describe = async (): Promise<void> => {
    if (!described) await writeJson(path('config.json'), config);
    described = true;
  };
  return {
    model: path('model.onnx'),
    finished,
    readCheckpoint: async () => {
      const bytes = await readFile(path('checkpoint.bin')).catch(() => undefined);
      if (resume)
        output.progress(bytes ? 'going on from the last checkpoint' : 'no checkpoint yet: starting from the beginning');
      return bytes;
    },
    writeCheckpoint: async (pieces) => {
      await describe();
      await writeWhole(path('checkpoint.bin'), pieces);
    },
    scratch: path(`weights.${process.pid}.new`),
    finish: async (model, report, adapters) => {
      await describe();
      await model.keep();
      if (adapters) await writeWhole(path(ADAPTERS), adapters);
      await writeJson(path('report.json'), report);
      await rm(path('checkpoint.bin'), { force: true });
    },
  };
}
