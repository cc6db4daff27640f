/** `verge evaluations`. */
import type { Evaluation } from '@verge/contracts';
import type { Command } from 'commander';
import { number, remote, type Remote } from '../command.js';
import { fields, milliseconds, percent, size, table } from '../output.js';
import { judgedText, qualityRows } from '../quality.js';
import { describeProgress, follow } from './follow.js';
import { everyItem } from './pages.js';

async function createEvaluation(
  { client, params, output }: Remote,
  options: { version: string; dataset: string; threads: number; wait?: boolean },
): Promise<void> {
  const { version, dataset, threads } = options;
  const created = await client.call('evaluations.create', { params, body: { version, dataset, threads } });
  const get = (evaluation: string): Promise<Evaluation> =>
    client.call('evaluations.get', { params: { ...params, evaluation } });
  const e = options.wait ? await follow('evaluation', created, get, output) : created;
  output.result(e, () =>
    fields([
      ['evaluation', e.id],
      ['version', `${e.model}@${e.version}`],
      ['data set', e.dataset],
      ['state', describeProgress(e)],
      ...(e.measurement?.quality
        ? qualityRows(e.measurement.quality)
        : [['accuracy', percent(e.test?.accuracy)] as const]),
      ['p50', milliseconds(e.measurement?.p50Ms)],
      ['peak memory', size(e.measurement?.peakRssBytes)],
      ...(e.measurement?.notes ?? []).map((note) => ['note', note] as const),
    ]),
  );
}

export function evaluationCommands(program: Command): void {
  const evaluations = program.command('evaluations').description('evaluations of versions on data sets');
  evaluations
    .command('create')
    .description('queue an evaluation of a version on a data set')
    .requiredOption('--version <version>', 'an id, or model@number')
    .requiredOption('--dataset <name>')
    .option('--threads <n>', 'intra-op threads', number('--threads', { min: 1, max: 64, integer: true }), 1)
    .option('--wait', 'until it ends')
    .action(remote(createEvaluation));
  evaluations
    .command('list')
    .description('evaluations, newest first')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('evaluations.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['id', 'version', 'data set', 'state', '>quality', '>p50'],
            items.map((e) => [
              e.id,
              `${e.model}@${e.version}`,
              e.dataset,
              describeProgress(e),
              judgedText(e.measurement?.quality?.[0], e.test),
              milliseconds(e.measurement?.p50Ms),
            ]),
          ),
        );
      }),
    );
}
