/** A training configuration as a file, checked as far as that goes without reading samples or models. */
import { TrainingConfig } from '@verge/contracts';
import { architectureProblems } from '@verge/training';
import { z } from 'zod';
import { readDocument } from '../documents.js';
import { beside, refuseMissing } from './files.js';

/** Networks are not the schema's affair: which there are, and their parameters. */
function modelProblems(value: unknown): string[] {
  const named = z.object({ model: z.looseObject({ architecture: z.string() }) }).safeParse(value);
  if (!named.success) return [];
  const { architecture, params } = named.data.model;
  const given = z.record(z.string(), z.unknown()).safeParse(params ?? {});
  return architectureProblems(architecture, given.data).map((problem) => `model.${problem}`);
}

/** The files that a configuration names, by field. */
function filesOf({ data, model, teacher }: TrainingConfig, file: string): Record<string, string> {
  const teachers = [teacher ?? []].flat().map((name, i) => [Array.isArray(teacher) ? `teacher.${i}` : 'teacher', name]);
  const named = [
    ['data.path', data?.path],
    ['data.preprocess', data?.preprocess],
    ['model.onnx', 'onnx' in model ? model.onnx : undefined],
    ...teachers,
  ] as [string, string | undefined][];
  return Object.fromEntries(named.flatMap(([field, name]) => (name ? [[field, beside(file, name)]] : [])));
}

/** @throws CliError `usage` naming every bad field, `missing` naming every file that is not there */
export async function readTrainingConfig(file: string): Promise<TrainingConfig> {
  const config = await readDocument(file, TrainingConfig, 'training configuration', modelProblems);
  await refuseMissing(filesOf(config, file), file);
  return config;
}
