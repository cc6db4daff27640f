/** `verge trainings`, `recipes`, `compressions`: work that the queue carries. */
import { type Compression, Recipe, type Training, TrainingConfig } from '@verge/contracts';
import type { Command } from 'commander';
import { number, remote, type Remote } from '../command.js';
import { readDocument } from '../documents.js';
import { CliError } from '../errors.js';
import { fields, milliseconds, percent, size, table } from '../output.js';
import { comparedQuality, fidelityHeadings, fidelityRows } from '../quality.js';
import { evaluationCommands } from './evaluations.js';
import { describeProgress, follow } from './follow.js';
import { compressionId, trainingId } from './names.js';
import { everyItem } from './pages.js';

const showTraining = (t: Training): string =>
  fields([
    ['training', t.id],
    ['name', t.name],
    ['model', t.version === null ? t.model : `${t.model}@${t.version}`],
    ['data set', t.dataset],
    ['state', describeProgress(t)],
    ['accuracy', percent(t.test?.accuracy)],
    ['attempts', t.attempts],
    ['error', t.error],
  ]);

interface TrainOptions {
  model: string;
  dataset: string;
  config: string;
  teacher?: string;
  name?: string;
  wait?: boolean;
}

async function createTraining({ client, params, output }: Remote, options: TrainOptions): Promise<void> {
  const config = await readDocument(options.config, TrainingConfig, 'training configuration');
  const created = await client.call('trainings.create', {
    params,
    body: {
      name: options.name ?? '',
      model: options.model,
      dataset: options.dataset,
      config,
      teacher: options.teacher ?? null,
    },
  });
  const get = (training: string): Promise<Training> =>
    client.call('trainings.get', { params: { ...params, training } });
  const training = options.wait ? await follow('training', created, get, output) : created;
  output.result(training, () => showTraining(training));
}

function trainingCommands(program: Command): void {
  const trainings = program.command('trainings').description('trainings');
  trainings
    .command('create')
    .description('queue a training; with --teacher it distils')
    .requiredOption('--model <name>', 'the model whose next version it makes')
    .requiredOption('--dataset <name>')
    .requiredOption('--config <file>', 'YAML or JSON')
    .option('--teacher <version>', 'an id, or model@number')
    .option('--name <text>')
    .option('--wait', 'until it ends; progress on stderr')
    .action(remote(createTraining));
  trainings
    .command('list')
    .description('trainings, newest first')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('trainings.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['id', 'name', 'model', 'state', '>accuracy'],
            items.map((t) => [
              t.id,
              t.name,
              t.version === null ? t.model : `${t.model}@${t.version}`,
              describeProgress(t),
              percent(t.test?.accuracy),
            ]),
          ),
        );
      }),
    );
  trainings
    .command('show <training>')
    .description('one training')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const training = await trainingId(here, given);
        const t = await client.call('trainings.get', { params: { ...params, training } });
        output.result(t, () => showTraining(t));
      }),
    );
  trainings
    .command('points <training>')
    .description('its loss curve')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const training = await trainingId(here, given);
        const { items } = await client.call('trainings.points', { params: { ...params, training } });
        output.result(items, () =>
          table(
            ['>epoch', '>train loss', '>val loss', '>train acc', '>val acc', '>lr'],
            items.map((p) => [
              String(p.epoch),
              p.trainLoss.toFixed(4),
              p.valLoss.toFixed(4),
              percent(p.trainAccuracy),
              percent(p.valAccuracy),
              p.learningRate.toPrecision(3),
            ]),
          ),
        );
      }),
    );
  trainings
    .command('report <training>')
    .description('what it did with each parameter, what it mended and what it took for granted')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const training = await trainingId(here, given);
        const { report } = await client.call('trainings.report', { params: { ...params, training } });
        output.result(report, () =>
          report
            ? [
                table(
                  ['parameter', 'shape', '>elements', 'fate', 'why'],
                  report.parameters.map((p) => [p.name, p.shape.join('x'), String(p.elements), p.fate, p.why]),
                ),
                ...report.repairs.map(({ message }) => `repaired: ${message}`),
                ...report.assumed.map((text) => `assumed: ${text}`),
              ].join('\n')
            : 'there is none: it has not succeeded, or a worker of an earlier release ran it',
        );
      }),
    );
  trainings
    .command('watch <training>')
    .description('follow it to its end')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const training = await trainingId(here, given);
        const get = (id: string): Promise<Training> =>
          client.call('trainings.get', { params: { ...params, training: id } });
        const ended = await follow('training', await get(training), get, output);
        output.result(ended, () => showTraining(ended));
      }),
    );
  trainings
    .command('cancel <training>')
    .description('stop a training')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const training = await trainingId(here, given);
        const t = await client.call('trainings.cancel', { params: { ...params, training } });
        output.result(t, `training ${t.id} is ${t.state}`);
      }),
    );
}

interface CompressOptions {
  version: string;
  recipe: string;
  class: string;
  dataset?: string;
  arch: 'x64' | 'arm64';
  threads: number;
  int8Activation?: 'uint8' | 'int8';
  vnni: boolean;
  wait?: boolean;
}

/** A recipe that is a file is stored under its name first; the same name with other passes is refused. */
async function recipeName({ client, params }: Remote, given: string): Promise<string> {
  if (!/[./\\]/.test(given)) return given;
  const recipe = await readDocument(given, Recipe, 'recipe');
  const there = await client.call('recipes.get', { params: { ...params, recipe: recipe.name } }).catch(() => undefined);
  if (!there) return (await client.call('recipes.create', { params, body: recipe })).name;
  if (JSON.stringify(Recipe.parse(there.recipe)) !== JSON.stringify(recipe)) {
    throw new CliError('usage', `the project has another recipe called '${recipe.name}'`, [
      'recipes are immutable: give this one another name',
    ]);
  }
  return there.name;
}

const showCompression = (c: Compression): string =>
  [
    fields([
      ['compression', c.id],
      ['version', `${c.model}@${c.version}`],
      ['recipe', c.recipe.name],
      ['class', c.target.name],
      ['state', describeProgress(c)],
      ['artifact', c.artifactId],
      ['offered', c.report ? (c.report.offered ? 'yes' : `no: ${c.report.reasons.join('; ')}`) : '-'],
      ['error', c.error],
    ]),
    c.report
      ? table(
          ['', '>before', '>after'],
          [
            ['size', size(c.report.before.bytes), size(c.report.after.bytes)],
            ...comparedQuality(c.report),
            ['p50', milliseconds(c.report.before.p50Ms), milliseconds(c.report.after.p50Ms)],
            ['peak memory', size(c.report.before.peakRssBytes), size(c.report.after.peakRssBytes)],
          ],
        )
      : '',
    c.report?.after.fidelity ? `\n${table(fidelityHeadings, fidelityRows(c.report.after.fidelity))}` : '',
  ].join('\n');

async function createCompression(remote: Remote, options: CompressOptions): Promise<void> {
  const { client, params, output } = remote;
  const recipe = await recipeName(remote, options.recipe);
  const { arch, threads, vnni } = options;
  const int8Activation = options.int8Activation ?? (arch === 'arm64' ? 'int8' : 'uint8');
  const created = await client.call('compressions.create', {
    params,
    body: {
      version: options.version,
      recipe,
      ...(options.dataset ? { dataset: options.dataset } : {}),
      target: { name: options.class, arch, threads, int8Activation, vnni },
    },
  });
  const get = (compression: string): Promise<Compression> =>
    client.call('compressions.get', { params: { ...params, compression } });
  const compression = options.wait ? await follow('compression', created, get, output) : created;
  output.result(compression, () => showCompression(compression));
}

function compressionCommands(program: Command): void {
  const compressions = program.command('compressions').description('compressions for device classes');
  compressions
    .command('create')
    .description('queue a compression of a version for a device class')
    .requiredOption('--version <version>', 'an id, or model@number')
    .requiredOption('--recipe <recipe>', 'a file, or the name of a stored recipe')
    .requiredOption('--class <name>', 'device class')
    .option('--dataset <name>', 'the one the version was trained on when absent')
    .option('--arch <arch>', 'x64 or arm64', 'x64')
    .option(
      '--threads <n>',
      'intra-op threads on the device',
      number('--threads', { min: 1, max: 256, integer: true }),
      1,
    )
    .option('--int8-activation <type>', 'uint8 or int8; by the architecture when absent')
    .option('--no-vnni', 'the class has no VNNI: leave no weights whose products could overflow 16 bits')
    .option('--wait', 'until it ends; progress on stderr')
    .action(remote(createCompression));
  compressions
    .command('list')
    .description('compressions, newest first')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('compressions.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['id', 'version', 'recipe', 'class', 'state', 'offered'],
            items.map((c) => [
              c.id,
              `${c.model}@${c.version}`,
              c.recipe.name,
              c.target.name,
              describeProgress(c),
              c.report ? (c.report.offered ? 'yes' : 'no') : '-',
            ]),
          ),
        );
      }),
    );
  compressions
    .command('show <compression>')
    .description('one compression: figures before and after')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const c = await client.call('compressions.get', { params: { ...params, compression } });
        output.result(c, () => showCompression(c));
      }),
    );
  compressions
    .command('cancel <compression>')
    .description('stop a compression')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const c = await client.call('compressions.cancel', { params: { ...params, compression } });
        output.result(c, `compression ${c.id} is ${c.state}`);
      }),
    );
}

function recipeCommands(program: Command): void {
  const recipes = program.command('recipes').description('compression recipes');
  recipes
    .command('list')
    .description('stored recipes')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('recipes.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['name', 'passes', 'created'],
            items.map((r) => [r.name, r.recipe.passes.map((p) => p.pass).join(' > '), r.createdAt]),
          ),
        );
      }),
    );
  recipes
    .command('add <file>')
    .description('store a recipe under its name')
    .action(
      remote(async (connection, file: string) => {
        const recipe = await readDocument(file, Recipe, 'recipe');
        const stored = await connection.client.call('recipes.create', { params: connection.params, body: recipe });
        connection.output.result(stored, `stored recipe ${stored.name}`);
      }),
    );
}

export function workCommands(program: Command): void {
  trainingCommands(program);
  recipeCommands(program);
  compressionCommands(program);
  evaluationCommands(program);
}
