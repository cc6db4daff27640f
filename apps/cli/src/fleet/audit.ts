/** `verge audit`. */
import type { Command } from 'commander';
import type { AuditEntry } from '@verge/contracts';
import { connect, number } from '../command.js';
import { CliError } from '../errors.js';
import { table } from '../output.js';

interface AuditOptions {
  limit: number;
  action?: string;
  actor?: string;
  refused?: boolean;
  all?: boolean;
  organisation?: boolean;
}

async function audit(options: AuditOptions, command: Command): Promise<void> {
  const { client, output, project } = await connect(command);
  const { limit, action, actor } = options;
  const query = {
    limit,
    ...(action ? { action } : {}),
    ...(actor ? { actor } : {}),
    ...(options.refused ? { outcome: 'refused' as const } : {}),
  };
  if (options.all || options.organisation) {
    const scope = options.organisation ? ('organisation' as const) : ('all' as const);
    const { items } = await client.call('audit.listAll', { query: { ...query, scope } });
    output.result(items, () => entries(items, (i) => items[i]?.project ?? '-'));
    return;
  }
  if (!project) throw new CliError('usage', 'no project is chosen', ['choose one with --project, or say --all']);
  const { items } = await client.call('audit.list', { params: { project }, query });
  output.result(items, () => entries(items, () => project));
}

const entries = (items: readonly AuditEntry[], projectOf: (index: number) => string): string =>
  table(
    ['at', 'project', 'actor', 'action', 'subject', 'outcome'],
    items.map((e, i) => [
      e.at,
      projectOf(i),
      e.actor.name || e.actor.kind,
      e.action,
      e.subject?.name ?? '-',
      e.outcome,
    ]),
  );

export function auditCommands(program: Command): void {
  program
    .command('audit')
    .description('who did what, newest first')
    .option('--limit <n>', 'entries', number('--limit', { min: 1, max: 500, integer: true }), 50)
    .option('--action <action>', 'for example rollout.create, or rollout for all of its verbs')
    .option('--actor <actor>', 'part of a name, or an id')
    .option('--refused', 'only what was refused')
    .option('--all', 'of every project, for administrators')
    .option('--organisation', 'only what belongs to no project: logins, users, tokens; for administrators')
    .action(audit);
}
