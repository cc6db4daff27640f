/** Data set, teacher, students, compression: the part before the fleet. */
import type { Artifact, Compression, Measurement, Training, Version } from '@verge/contracts';
import { hasInt8Dot, probeHardware } from '@verge/runtime';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { StepFailed, type Context } from './context.js';
import { kibibytes, milliseconds, percent } from './screen.js';

export const MODEL = 'digits';
/** The two classes of devices that the quickstart builds for, and the recipe for each. */
export const classes = [
  { name: 'gateway', recipe: 'recipe-fp32.json' },
  { name: 'sensor', recipe: 'recipe-pruned-int8.json' },
] as const;

const digitsFile = (context: Context, name: string): string => join(context.root, 'datasets/digits', name);

type Config = Record<string, unknown>;

/** The agents run here, so the classes are of this machine: without 8-bit dot products no weights may be left whose products overflow. */
async function thisMachine(): Promise<string[]> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  return ['--arch', arch, ...(hasInt8Dot(await probeHardware()) ? [] : ['--no-vnni'])];
}

/** A variation of one of the data set's configurations, written where this run keeps its files. */
async function varied(context: Context, name: string, of: string, change: (config: Config) => Config): Promise<string> {
  const config = parse(await readFile(digitsFile(context, of), 'utf8')) as Config;
  const file = join(context.home, name);
  await writeFile(file, stringify(change(config)));
  return file;
}

/** The student without its distillation: the same network on the labels alone, for comparison. */
const plainConfig = (context: Context): Promise<string> =>
  varied(context, 'student-plain.yaml', 'student.yaml', ({ distillation: _distillation, ...plain }) => plain);

/** The teacher six times as wide, trained briefly: right often enough, and far too slow for the devices. */
const wideConfig = (context: Context): Promise<string> =>
  varied(context, 'wide.yaml', 'teacher.yaml', (teacher) => ({
    ...teacher,
    model: { architecture: 'resnet', params: { channels: [96, 192, 384] } },
    epochs: 1,
    schedule: { name: 'cosine', warmupEpochs: 0.25 },
  }));

export async function registerDataset(context: Context): Promise<string> {
  const dataset = await context.commands.verge<{ digest: string; files: unknown[] }>([
    'datasets',
    'add',
    'digits',
    '--path',
    join(context.root, 'datasets/digits'),
  ]);
  return `1,797 scans of 8x8, ${dataset.digest.slice(0, 19)}`;
}

async function train(context: Context, config: string, role: string, teacher?: string): Promise<Version> {
  const training = await context.commands.verge<Training>(
    [
      'trainings',
      'create',
      '--model',
      MODEL,
      '--dataset',
      'digits',
      '--config',
      config,
      '--name',
      role,
      '--wait',
      ...(teacher ? ['--teacher', teacher] : []),
    ],
    { onProgress: context.progress },
  );
  if (!training.versionId)
    throw new StepFailed(`training ${training.id} made no version: ${training.error ?? training.state}`);
  const version = await context.client.call('versions.get', {
    params: { project: context.project, version: training.versionId },
  });
  const { measurement, test } = version.metrics;
  if (!measurement || !test)
    throw new StepFailed(`version ${version.model}@${version.version} came without measurements`);
  addModel(context, `${version.model}@${version.version}`, role, measurement, test.accuracy);
  return version;
}

function addModel(context: Context, name: string, role: string, measurement: Measurement, accuracy?: number): void {
  const { bytes, parameters, p50Ms, p95Ms, peakRssBytes } = measurement;
  if (accuracy === undefined || p50Ms === null || p95Ms === null || peakRssBytes === null)
    throw new StepFailed(`${name} was not measured: ${(measurement.notes ?? []).join('; ')}`);
  context.report.models.push({ name, role, bytes, parameters, accuracy, p50Ms, p95Ms, peakRssBytes });
}

const describe = (v: Version): string =>
  `${percent(v.metrics.test?.accuracy ?? 0)} on the test part, ${v.metrics.measurement?.parameters.toLocaleString('en')} parameters`;

export async function trainTeacher(context: Context): Promise<{ version: Version; detail: string }> {
  const version = await train(context, digitsFile(context, 'teacher.yaml'), 'teacher');
  return { version, detail: describe(version) };
}

/**
 * The distilled student, and the same student on the labels alone. One after the other: each ends with a measurement of
 * latency, which the other's training would disturb.
 */
export async function trainStudents(
  context: Context,
  teacher: Version,
): Promise<{ distilled: Version; plain: Version; detail: string }> {
  const distilledFrom = `${teacher.model}@${teacher.version}`;
  const distilled = await train(context, digitsFile(context, 'student.yaml'), 'student-distilled', distilledFrom);
  const plain = await train(context, await plainConfig(context), 'student-plain');
  return {
    distilled,
    plain,
    detail: `distilled ${describe(distilled)}; plain ${percent(plain.metrics.test?.accuracy ?? 0)}`,
  };
}

export async function trainWide(context: Context): Promise<Version> {
  return train(context, await wideConfig(context), 'wide');
}

async function compress(context: Context, version: Version, recipe: string, deviceClass: string): Promise<Artifact> {
  const compression = await context.commands.verge<Compression>(
    [
      'compressions',
      'create',
      '--version',
      `${version.model}@${version.version}`,
      '--recipe',
      join(context.root, 'datasets/digits', recipe),
      '--class',
      deviceClass,
      ...(await thisMachine()),
      '--wait',
    ],
    { onProgress: context.progress },
  );
  if (!compression.artifactId)
    throw new StepFailed(`compression ${compression.id} made no artifact: ${compression.error ?? compression.state}`);
  return context.client.call('artifacts.get', {
    params: { project: context.project, artifact: compression.artifactId },
  });
}

/** One after the other: each ends with a measurement of latency, which the next one's would disturb. */
export async function compressForAll(context: Context, version: Version, recipe: string): Promise<Artifact[]> {
  const artifacts: Artifact[] = [];
  for (const { name } of classes) artifacts.push(await compress(context, version, recipe, name));
  return artifacts;
}

export async function compressForClasses(
  context: Context,
  student: Version,
): Promise<{ artifacts: Artifact[]; detail: string }> {
  const artifacts: Artifact[] = [];
  for (const { name, recipe } of classes) {
    const artifact = await compress(context, student, recipe, name);
    const { after } = artifact.report;
    addModel(context, `${artifact.model}@${artifact.version} ${artifact.recipe}`, 'artifact', after, after.accuracy);
    if (!artifact.offered)
      throw new StepFailed(`the artifact for ${name} is not within its budget: ${artifact.report.reasons.join('; ')}`);
    artifacts.push(artifact);
  }
  const detail = artifacts
    .map(
      (a) =>
        `${a.deviceClass}: ${kibibytes(a.report.before.bytes)} -> ${kibibytes(a.report.after.bytes)}, ${milliseconds(a.report.before.p50Ms ?? NaN)} -> ${milliseconds(a.report.after.p50Ms ?? NaN)}`,
    )
    .join('; ');
  return { artifacts, detail };
}
