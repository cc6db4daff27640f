/** `verge trainings`, `recipes`, `compressions`: work that the queue carries. */
import { Recipe, type Training, TrainingConfig } from '@verge/contracts';
import type { Command } from 'commander';
import { remote, type Remote } from '../command.js';
import { readDocument } from '../documents.js';
import { fields, percent, table } from '../output.js';
import { compressionCommands } from './compressions.js';
import { evaluationCommands } from './evaluations.js';
import { describeProgress, follow } from './follow.js';
import { trainingId } from './names.js';
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
