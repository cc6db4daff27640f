/** `verge quarantine`: telemetry records that cannot be true. */
import type { Command } from 'commander';
import { remote } from '../command.js';
import { table } from '../output.js';
import { everyItem } from './pages.js';

const ofDevice = ({ device }: { device?: string }): { device?: string } => (device ? { device } : {});

export function quarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('telemetry records that cannot be true, and are not counted');
  quarantine
    .command('list')
    .description('what is in quarantine and why, newest first')
    .option('--device <id>')
    .action(
      remote(async ({ client, params, output }, options: { device?: string }) => {
        const records = await everyItem((page) =>
          client.call('quarantine.list', { params, query: { ...page, ...ofDevice(options) } }),
        );
        output.result(records, () =>
          table(
            ['id', 'device', 'received', '>requests', 'reasons'],
            records.map((r) => [
              r.id,
              r.device.name,
              r.receivedAt,
              String(r.requests),
              r.reasons.map(({ field, detail }) => `${field}: ${detail}`).join('; '),
            ]),
          ),
        );
      }),
    );
  quarantine
    .command('delete <id>')
    .description('delete one record')
    .action(
      remote(async ({ client, params, output }, record: string) => {
        await client.call('quarantine.delete', { params: { ...params, record } });
        output.result({ deleted: record }, `deleted ${record}`);
      }),
    );
  quarantine
    .command('clear')
    .description('delete all records, of one device when it is named')
    .option('--device <id>')
    .action(
      remote(async ({ client, params, output }, options: { device?: string }) => {
        const answer = await client.call('quarantine.clear', { params, query: ofDevice(options) });
        output.result(answer, `deleted ${answer.deleted} records`);
      }),
    );
}
