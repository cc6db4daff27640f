/** `verge workers`: who takes jobs from the queue. */
import { Id, WorkerState, type Worker } from '@verge/contracts';
import { type Command, Option } from 'commander';
import { connect } from '../command.js';
import { fields, size, table } from '../output.js';
import { workerId } from './names.js';
import { everyItem } from './pages.js';

/** What it has in hand, in words. */
function inHand({ running, runningElsewhere }: Worker): string {
  const own = running.map(({ kind, job, project }) => `${kind} ${job} (${project})`);
  return [...own, ...(runningElsewhere > 0 ? [`${runningElsewhere} of other projects`] : [])].join(', ');
}

export function workerCommands(program: Command): void {
  const workers = program.command('workers').description('who takes jobs from the queue');
  workers
    .command('list')
    .description('workers; those that are lost or have left for seven days')
    .addOption(new Option('--state <state>', 'only these').choices(WorkerState.options))
    .action(async (options: { state?: WorkerState }, command: Command) => {
      const { client, output } = await connect(command);
      const { state } = options;
      const items = await everyItem((page) =>
        client.call('workers.list', { query: { ...page, ...(state ? { state } : {}) } }),
      );
      output.result(items, () =>
        table(
          ['id', 'name', 'state', 'version', 'platform', '>cores', 'last seen', 'in hand'],
          items.map((w) => [w.id, w.name, w.state, w.version, w.platform, String(w.cores), w.lastSeenAt, inHand(w)]),
        ),
      );
    });
  workers
    .command('get <worker>')
    .description('a worker, by name or id')
    .action(async (given: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const worker = Id.safeParse(given).success ? given : await workerId(client, given);
      const w = await client.call('workers.get', { params: { worker } });
      output.result(w, () =>
        fields([
          ['id', w.id],
          ['name', w.name],
          ['state', w.state],
          ['version', w.version],
          ['ONNX Runtime', w.engineVersion],
          ['host', w.host],
          ['platform', w.platform],
          ['cores', w.cores],
          ['memory', size(w.memoryBytes)],
          ['started', w.startedAt],
          ['last seen', w.lastSeenAt],
          ['in hand', inHand(w)],
        ]),
      );
    });
}
