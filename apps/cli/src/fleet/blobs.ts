/** `verge blobs`: what blobs take up, and the collection of those that nothing uses. For administrators. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobCollection, BlobUsage, Client } from '@verge/contracts';
import type { Command } from 'commander';
import { connect } from '../command.js';
import { CliError } from '../errors.js';
import { fields, size, table, type Output } from '../output.js';

const LOOK_MS = 500;

const sum = ({ blobs, bytes }: { blobs: number; bytes: number }): string =>
  `${size(bytes)} in ${blobs} blob${blobs === 1 ? '' : 's'}`;

function endOf({ state, reason, dryRun, freed }: BlobCollection): string {
  if (state === 'finished') return `${dryRun ? 'would free' : 'freed'} ${sum(freed)}`;
  return reason ? `${state}: ${reason}` : state;
}

function usageText(usage: BlobUsage): string {
  const { held, collectable, running, last, graceHours, everyHours, projects, moreProjects } = usage;
  const lines = fields([
    ['held', sum(held)],
    [
      'collectable',
      collectable ? `${sum(collectable)}, as of ${collectable.at}` : 'look with: verge blobs collect --dry-run',
    ],
    ['grace', `${graceHours} h after it was stored, asked about, or found unused`],
    ['collected', everyHours > 0 ? `every ${everyHours} h` : 'only by hand'],
    ['running', running ? `since ${running.startedAt}` : null],
    ['last', last ? `${last.startedAt} by ${last.requestedBy}: ${endOf(last)}` : 'never'],
  ]);
  const rows = projects.map((p) => [p.project, String(p.blobs), size(p.bytes)]);
  const more = moreProjects > 0 ? [`and ${moreProjects} more projects`] : [];
  return [lines, '', table(['project', '>blobs', '>size'], rows), ...more].join('\n');
}

async function followed(client: Client, output: Output, begun: BlobCollection): Promise<BlobCollection> {
  let collection = begun;
  while (collection.state === 'running') {
    output.progress(`${collection.dryRun ? 'looking' : 'collecting'} since ${collection.startedAt}`);
    await sleep(LOOK_MS);
    collection = await client.call('blobs.collection', { params: { collection: collection.id } });
  }
  return collection;
}

export function blobCommands(program: Command): void {
  const blobs = program
    .command('blobs')
    .description('storage: what blobs take up, and collecting those that nothing uses');
  blobs
    .command('usage')
    .description('what blobs take up, by project, and what the last collection freed')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const usage = await client.call('blobs.usage', {});
      output.result(usage, () => usageText(usage));
    });
  blobs
    .command('collect')
    .description('delete blobs that nothing uses; each is kept for the time of grace')
    .option('--dry-run', 'only look at what it would free')
    .action(async (options: { dryRun?: boolean }, command: Command) => {
      const { client, output } = await connect(command);
      const begun = await client.call('blobs.collect', { body: { dryRun: options.dryRun === true } });
      const collection = await followed(client, output, begun);
      output.result(collection, () =>
        fields([
          [collection.dryRun ? 'would free' : 'freed', sum(collection.freed)],
          ['held before', sum(collection.held)],
          ['unused, kept for now', sum(collection.young)],
          ['references given up', collection.givenUp],
        ]),
      );
      if (collection.state !== 'finished') {
        throw new CliError('failed', `the collection was ${collection.state}: ${collection.reason}`, [], {
          answered: true,
        });
      }
    });
}
