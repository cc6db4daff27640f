/** `verge datasets`, `models`, `versions`, `artifacts`. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DatasetFormat, Preprocess } from '@verge/contracts';
import type { OpenOptions } from '@verge/data';
import { type Command, Option } from 'commander';
import { remote, type Remote } from '../command.js';
import { readDocument } from '../documents.js';
import { digest, fields, milliseconds, percent, size, table } from '../output.js';
import { judgedText, qualityRows } from '../quality.js';
import { listFiles, uploadFiles } from './upload.js';
import { importCommand, portFields } from './import-model.js';
import { artifactId } from './names.js';
import { everyItem } from './pages.js';

const CHECKED_AT_ONCE = 64;

interface AddOptions {
  path: string;
  format?: DatasetFormat;
  preprocess?: string;
  split?: string;
  description?: string;
  source?: string;
  license?: string;
}

/** The files that a data set consists of, where that is not everything in the folder. */
async function chosenFiles(path: string, format: DatasetFormat): Promise<string[] | undefined> {
  const { filesOf, findDescriptor } = await import('@verge/data');
  const isFolder = (await stat(path)).isDirectory();
  const found = await findDescriptor(path, isFolder);
  // A folder with a descriptor is the descriptor and the file it names, or everything where that is a folder.
  if (found && (await stat(found.file)).isDirectory()) return undefined;
  if (found) return [join(dirname(found.file), 'dataset.json'), ...(await filesOf(found.file, format))];
  return isFolder ? undefined : filesOf(path, format);
}

async function filesToSend(path: string, format: DatasetFormat): Promise<{ local: string; path: string }[]> {
  const chosen = await chosenFiles(path, format);
  return chosen ? chosen.map((local) => ({ local, path: basename(local) })) : await listFiles(path);
}

/**
 * Reads every sample a few at a time, whatever the size of the data set: what cannot be read is refused before anything is
 * sent.
 */
async function checkDataset({ output }: Remote, path: string, options: OpenOptions) {
  const { batchesOf, openSource } = await import('@verge/data');
  const source = await openSource(path, options);
  try {
    let read = 0;
    for await (const batch of batchesOf(source, CHECKED_AT_ONCE)) {
      const before = Math.floor((read / source.count) * 10);
      read += batch.y.length;
      if (source.count > 5000 && Math.floor((read / source.count) * 10) > before)
        output.progress(`checked ${read} of ${source.count} samples`);
    }
    const { format, labels, shape, split, count, unreadable, notes = [] } = source;
    return { format, labels, shape, split, count: count - unreadable.count, unreadable, notes };
  } finally {
    await source.close();
  }
}

async function addDataset(remote: Remote, name: string, options: AddOptions): Promise<void> {
  const preprocess = options.preprocess
    ? await readDocument(options.preprocess, Preprocess, 'preprocessing')
    : undefined;
  const open: OpenOptions = {
    ...(options.format ? { format: options.format } : {}),
    ...(preprocess ? { preprocess } : {}),
  };
  // Read it here first: a data set that cannot be read is refused before anything is sent.
  const data = await checkDataset(remote, options.path, open);
  const { findDescriptor } = await import('@verge/data');
  const described = await findDescriptor(options.path, (await stat(options.path)).isDirectory());
  const list = await uploadFiles(remote, await filesToSend(options.path, data.format));
  const dataset = await remote.client.call('datasets.create', {
    params: remote.params,
    body: {
      name,
      description: options.description ?? '',
      format: data.format,
      list,
      labels: [...data.labels],
      preprocess: preprocess ?? described?.descriptor.preprocess ?? null,
      split: options.split ?? data.split ?? 'auto',
      source: options.source ?? '',
      license: options.license ?? '',
    },
  });
  for (const note of data.notes) remote.output.progress(`data: ${note}`);
  if (data.unreadable.count > 0)
    remote.output.progress(
      `${data.unreadable.count} rows cannot be read and will be left out, the first at ${data.unreadable.rows[0]?.where}`,
    );
  remote.output.result(
    dataset,
    `registered ${dataset.name}: ${data.count} samples of [${data.shape.join(', ')}], ${data.labels.length} labels, ${digest(dataset.digest)}`,
  );
}

export function catalogCommands(program: Command): void {
  const datasets = program.command('datasets').description('data sets');
  datasets
    .command('add <name>')
    .description('check a data set, send its files, register it')
    .requiredOption('--path <path>', 'file or folder')
    .addOption(new Option('--format <format>', 'recognised when absent').choices(DatasetFormat.options))
    .option('--preprocess <file>', 'declarative preprocessing, JSON or YAML')
    .option('--split <name>')
    .option('--description <text>')
    .option('--source <text>')
    .option('--license <text>')
    .action(remote(addDataset));
  datasets
    .command('files <name>')
    .description('the files of a data set, by path')
    .action(
      remote(async ({ client, params, output }, dataset: string) => {
        const place = { ...params, dataset };
        const items = await everyItem((page) => client.call('datasets.files', { params: place, query: page }));
        output.result(items, () =>
          table(
            ['path', '>size', 'digest'],
            items.map((f) => [f.path, size(f.bytes), digest(f.digest)]),
          ),
        );
      }),
    );
  datasets
    .command('list')
    .description('data sets of the project')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('datasets.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['name', 'format', '>labels', '>size', 'digest', 'created'],
            items.map((d) => [d.name, d.format, String(d.labels.length), size(d.bytes), digest(d.digest), d.createdAt]),
          ),
        );
      }),
    );
  datasets
    .command('show <name>')
    .description('one data set, by name or id')
    .action(
      remote(async ({ client, params, output }, dataset: string) => {
        const d = await client.call('datasets.get', { params: { ...params, dataset } });
        output.result(d, () =>
          fields([
            ['name', d.name],
            ['id', d.id],
            ['format', d.format],
            ['files', d.fileCount],
            ['size', size(d.bytes)],
            ['labels', d.labels.join(', ')],
            ['split', d.split],
            ['digest', d.digest],
          ]),
        );
      }),
    );
  modelCommands(program);
  artifactCommands(program);
}

function modelCommands(program: Command): void {
  const models = program.command('models').description('models and their versions');
  models
    .command('list')
    .description('models and their newest versions')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('models.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['name', 'task', '>versions', '>latest', '>quality', '>size'],
            items.map((m) => [
              m.name,
              m.task,
              String(m.versions),
              m.latest ? String(m.latest.version) : '-',
              judgedText(m.latest?.quality, m.latest?.test),
              size(m.latest?.bytes),
            ]),
          ),
        );
      }),
    );
  importCommand(models);
  models
    .command('versions [model]')
    .description('versions of a model, or of all')
    .action(
      remote(async ({ client, params, output }, model?: string) => {
        const items = await everyItem((page) =>
          client.call('versions.list', { params, query: { ...page, ...(model ? { model } : {}) } }),
        );
        output.result(items, () =>
          table(
            ['version', 'origin', '>quality', '>size', '>parameters', '>p50', 'digest'],
            items.map((v) => [
              `${v.model}@${v.version}`,
              v.origin,
              judgedText(v.metrics.measurement?.quality?.[0], v.metrics.test),
              size(v.bytes),
              v.metrics.measurement?.parameters.toLocaleString('en') ?? '-',
              milliseconds(v.metrics.measurement?.p50Ms),
              digest(v.digest),
            ]),
          ),
        );
      }),
    );
  models
    .command('show <version>')
    .description('a version (an id, or model@number) and its lineage')
    .action(
      remote(async ({ client, params, output }, version: string) => {
        const v = await client.call('versions.get', { params: { ...params, version } });
        const lineage = await client.call('versions.lineage', { params: { ...params, version } });
        output.result({ ...v, lineage }, () =>
          [
            fields([
              ['version', `${v.model}@${v.version}`],
              ['id', v.id],
              ['origin', v.origin],
              ['digest', v.digest],
              ['size', size(v.bytes)],
              ...portFields(v.ports),
              ...(v.metrics.measurement?.quality
                ? qualityRows(v.metrics.measurement.quality)
                : [['accuracy', percent(v.metrics.test?.accuracy)] as const]),
              ['p50', milliseconds(v.metrics.measurement?.p50Ms)],
              ['peak memory', size(v.metrics.measurement?.peakRssBytes)],
            ]),
            ...lineage.edges.map((e) => `  ${e.from} -> ${e.to} (${e.role})`),
          ].join('\n'),
        );
      }),
    );
}

function artifactCommands(program: Command): void {
  const artifacts = program.command('artifacts').description('models built for device classes');
  artifacts
    .command('list')
    .description('models as built for device classes')
    .option('--model <name>')
    .option('--class <name>', 'device class')
    .option('--version <version>', 'a version: an id, or model@number')
    .action(
      remote(async ({ client, params, output }, options: { model?: string; class?: string; version?: string }) => {
        const query = {
          ...(options.model ? { model: options.model } : {}),
          ...(options.class ? { deviceClass: options.class } : {}),
          ...(options.version ? { version: options.version } : {}),
        };
        const items = await everyItem((page) =>
          client.call('artifacts.list', { params, query: { ...query, ...page } }),
        );
        output.result(items, () =>
          table(
            ['id', 'version', 'class', 'recipe', 'offered', '>size', '>accuracy', '>p50'],
            items.map((a) => [
              a.id,
              `${a.model}@${a.version}`,
              a.deviceClass,
              a.recipe,
              a.offered ? 'yes' : `no: ${a.report.reasons.join('; ')}`,
              size(a.report.after.bytes),
              percent(a.report.after.accuracy),
              milliseconds(a.report.after.p50Ms),
            ]),
          ),
        );
      }),
    );
  artifacts
    .command('show <artifact>')
    .description('one artifact: its figures before and after')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const artifact = await artifactId(here, given);
        const a = await client.call('artifacts.get', { params: { ...params, artifact } });
        const { before, after } = a.report;
        const row = (name: string, b: string, c: string): string[] => [name, b, c];
        output.result(a, () =>
          [
            fields([
              ['artifact', a.id],
              ['version', `${a.model}@${a.version}`],
              ['class', a.deviceClass],
              ['manifest', a.manifestDigest],
              ['target path', a.targetPath],
              ['offered', a.offered ? 'yes' : `no: ${a.report.reasons.join('; ')}`],
            ]),
            '',
            table(
              ['', '>before', '>after'],
              [
                row('size', size(before.bytes), size(after.bytes)),
                row('parameters', String(before.parameters), String(after.parameters)),
                row('accuracy', percent(before.accuracy), percent(after.accuracy)),
                row('p50', milliseconds(before.p50Ms), milliseconds(after.p50Ms)),
                row('p95', milliseconds(before.p95Ms), milliseconds(after.p95Ms)),
                row('peak memory', size(before.peakRssBytes), size(after.peakRssBytes)),
              ],
            ),
          ].join('\n'),
        );
      }),
    );
}
