/** `verge projects delete`, `deletions`. */
import type { Client } from '@verge/contracts';
import type { Command } from 'commander';
import { connect } from '../command.js';
import { CliError } from '../errors.js';
import { table } from '../output.js';
import { askText } from '../prompt.js';
import { confirmed } from './deleting.js';
import { everyItem } from './pages.js';

interface DeleteOptions {
  cascade?: boolean;
  yes?: boolean;
}

const counted = [
  'datasets',
  'models',
  'versions',
  'recipes',
  'jobs',
  'artifacts',
  'releases',
  'rollouts',
  'devices',
] as const;

/** How many there are of what goes with the project. */
async function insideOf(client: Client, project: string): Promise<string[]> {
  const lines: string[] = [];
  for (const noun of counted) {
    const { total } = await client.call(`${noun}.list`, { params: { project }, query: { limit: 1 } });
    if (total > 0) lines.push(`${total} ${noun}`);
  }
  return lines;
}

async function remove(slug: string, { cascade, yes }: DeleteOptions, command: Command): Promise<void> {
  const { client, output } = await connect(command);
  const { name } = await client.call('projects.get', { params: { project: slug } });
  const lines = [`project ${slug} (${name})`, ...(cascade ? await insideOf(client, slug) : [])];
  // Everything in a project is more than a letter is asked for.
  if (cascade && !yes) {
    const typed = await askText(
      ['this deletes, for good:', ...lines.map((line) => `  ${line}`), `type ${slug} to delete all of it: `].join('\n'),
    );
    if (typed === undefined) throw new CliError('usage', 'nobody can be asked here: say --yes to delete', lines);
    if (typed !== slug) throw new CliError('interrupted', 'nothing was deleted');
  } else await confirmed(lines, yes);
  const query = cascade ? { cascade: 'true' as const, confirm: slug } : {};
  const removal = await client.call('projects.delete', { params: { project: slug }, query });
  output.result(removal, `deleted project ${slug}; its rows are deleted in the background: verge projects deletions`);
}

export function projectDeletionCommands(projects: Command): void {
  projects
    .command('delete <slug>')
    .description('delete a project that is empty, or with --cascade all that is in it')
    .option('--cascade', 'also everything in it: devices are refused at once, work is cancelled')
    .option('--yes', 'without asking; needed where nobody can be asked')
    .action(remove);
  projects
    .command('deletions')
    .description(
      'what is being deleted in the background, and the projects that were in the last month; for administrators',
    )
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('removals.list', { query: page }));
      output.result(items, () =>
        table(
          ['kind', 'name', 'stage', '>rows', 'by', 'begun', 'done'],
          items.map((r) => [
            r.kind,
            r.name,
            r.stage,
            String(r.removedRows),
            r.requestedBy,
            r.createdAt,
            r.finishedAt ?? '-',
          ]),
        ),
      );
    });
}
