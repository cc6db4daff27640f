/** `verge models import`: an ONNX file from outside as the next version of a model. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, ModelPorts, Preprocess, Task } from '@verge/contracts';
import { type Command, Option } from 'commander';
import { remote, type Remote } from '../command.js';
import { readDocument } from '../documents.js';
import { CliError, fieldLines } from '../errors.js';
import { numbers } from '../local/graph-commands.js';
import { gathered } from '../local/input-option.js';
import { digest, size } from '../output.js';
import { uploadFile } from './upload.js';

interface ImportOptions {
  file: string;
  task?: Task;
  input?: string[];
  fill?: Record<string, number>;
  dim?: Record<string, number>;
  output?: string;
  labels?: string;
  preprocess?: string;
  notes?: string;
}

/** @throws CliError `usage` naming every one that is not of the form */
function portsOf({ input = [], fill, dim, output }: ImportOptions): ModelPorts {
  const pairs = input.map((text): [string, string] => {
    const at = text.lastIndexOf('=');
    if (at < 1 || at === text.length - 1)
      throw new CliError('usage', `--input expects name=array, an array of the data set, not '${text}'`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const inputs = { ...Object.fromEntries(pairs), ...fill };
  const parsed = ModelPorts.safeParse({
    ...(Object.keys(inputs).length > 0 && { inputs }),
    ...(dim && { dims: dim }),
    ...(output !== undefined && { output }),
  });
  if (parsed.success) return parsed.data;
  throw new CliError('usage', 'the ports are not of the expected form', fieldLines(parsed.error));
}

/** What the file says of its inputs and outputs; and the file, in one piece where weights lie beside it. */
async function readFileToImport(path: string, folder: string) {
  const { carriedForm, decodeModel, prepare } = await import('@verge/onnx');
  const { modelPorts, readHead } = await import('@verge/runtime');
  const { openModelFile, readWholeModel } = await import('../local/model-file.js');
  const { beside } = await openModelFile(path);
  let sent = path;
  if (beside > 0) {
    sent = join(folder, 'model.onnx');
    await writeFile(sent, await readWholeModel(path));
  }
  // As a worker runs it: scores where the file has a ZipMap.
  return { sent, specs: modelPorts(carriedForm(prepare(decodeModel(readHead(sent))).typed).model) };
}

/** The labels of a file, a line each. */
async function readLabels(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CliError('missing', `cannot read the labels '${path}'`, [String(cause)], { cause });
  });
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** The model is made where there is none of that name. */
async function ensureModel({ client, params }: Remote, name: string, task: Task | undefined): Promise<void> {
  try {
    await client.call('models.get', { params: { ...params, model: name } });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'NOT_FOUND')) throw error;
    await client.call('models.create', { params, body: { name, ...(task && { task }) } });
  }
}

async function importModel(remote: Remote, name: string, options: ImportOptions): Promise<void> {
  const ports = portsOf(options);
  const preprocess = options.preprocess ? await readDocument(options.preprocess, Preprocess, 'preprocessing') : null;
  const labels = options.labels ? await readLabels(options.labels) : [];
  const folder = await mkdtemp(join(tmpdir(), 'verge-import-'));
  try {
    const { sent, specs } = await readFileToImport(options.file, folder);
    const blob = await uploadFile(remote, sent);
    await ensureModel(remote, name, options.task);
    const version = await remote.client.call('versions.import', {
      params: { ...remote.params, model: name },
      body: { digest: blob.digest, ...specs, labels, preprocess, ports, notes: options.notes ?? '' },
    });
    remote.output.result(
      version,
      `imported ${version.model}@${version.version}: ${size(version.bytes)}, ${digest(version.digest)}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Rows of a version whose file does not say everything itself. */
export function portFields({ inputs = {}, dims = {}, output }: ModelPorts): [string, string][] {
  const list = (record: Record<string, string | number>): string =>
    Object.entries(record)
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ');
  return [
    ...(Object.keys(inputs).length > 0 ? [['further inputs', list(inputs)] as [string, string]] : []),
    ...(Object.keys(dims).length > 0 ? [['open sizes', list(dims)] as [string, string]] : []),
    ...(output !== undefined ? [['class from', output] as [string, string]] : []),
  ];
}

export function importCommand(models: Command): void {
  models
    .command('import <model>')
    .description('send an ONNX file as the next version of a model, which is made where there is none')
    .requiredOption('--file <file>', 'ONNX file')
    .addOption(new Option('--task <task>', 'of a model that is made').choices(Task.options))
    .option('--labels <file>', 'names of the classes, a line each')
    .option('--preprocess <file>', 'declarative preprocessing, JSON or YAML')
    .option(
      '--input <name=array>',
      'array of NPZ and NPY data sets, beside x and y, that goes into this input; may be repeated',
      gathered,
    )
    .option(
      '--fill <input=number>',
      'every element of this input is the number; may be repeated',
      numbers('--fill', false),
    )
    .option('--dim <name=size>', 'size that the file names and leaves open; may be repeated', numbers('--dim', true))
    .option('--output <name>', 'the output that says the class; chosen by type when absent')
    .option('--notes <text>')
    .action(remote(importModel));
}
