/** `verge devices`, `groups`. */
import { writeFile } from 'node:fs/promises';
import { type Device, EnrollmentBundle, type EnrollmentToken } from '@verge/contracts';
import type { Command } from 'commander';
import { number, remote, type Remote } from '../command.js';
import { digest, fields, size, table } from '../output.js';
import { changeLabels, labelText, parseLabels } from './labels.js';
import { deviceId } from './names.js';
import { trustedRoot } from './release-folder.js';
import { everyItem } from './pages.js';

const running = (d: Device): string =>
  d.active ? (d.active.model ? `${d.active.model}@${d.active.version}` : digest(d.active.manifestDigest)) : '-';

interface TokenOptions {
  class: string;
  group?: string;
  name?: string;
  maxUses: number;
  expiresIn: number;
  keys?: string;
  out?: string;
}

async function enrollToken(connection: Remote, options: TokenOptions): Promise<void> {
  const { client, params } = connection;
  const created = await client.call('enrollment.create', {
    params,
    body: {
      name: options.name ?? '',
      deviceClass: options.class,
      group: options.group ?? null,
      maxUses: options.maxUses,
      expiresInMinutes: options.expiresIn,
    },
  });
  await handOver(connection, created, options);
}

/** The bundle, with the release root from the operator's own folder: a device must not learn it from the control plane. */
async function handOver(
  { output }: Remote,
  created: EnrollmentToken & { bundle: EnrollmentBundle },
  options: { keys?: string; out?: string },
): Promise<void> {
  const releaseRoot = options.keys ? Buffer.from(await trustedRoot(options.keys)).toString('base64') : null;
  const bundle: EnrollmentBundle = EnrollmentBundle.parse({ ...created.bundle, releaseRoot });
  if (options.out) await writeFile(options.out, JSON.stringify(bundle, null, 2) + '\n', { mode: 0o600 });
  output.result({ ...created, bundle }, () =>
    options.out
      ? `wrote ${options.out}; on the device: verge-agent enroll --bundle ${options.out}${releaseRoot ? '' : ' --release-root ROOT.json'}`
      : JSON.stringify(bundle, null, 2),
  );
}

interface ReEnrollOptions {
  newKey?: boolean;
  expiresIn: number;
  keys?: string;
  out?: string;
}

async function reEnrollToken(connection: Remote, given: string, options: ReEnrollOptions): Promise<void> {
  const { client, params } = connection;
  const device = await deviceId(connection, given);
  const body = { allowNewKey: options.newKey === true, expiresInMinutes: options.expiresIn };
  const created = await client.call('devices.reEnroll', { params: { ...params, device }, body });
  await handOver(connection, created, options);
}

interface ListOptions {
  group?: string;
  class?: string;
  online?: boolean;
}

export function deviceCommands(program: Command): void {
  const devices = program.command('devices').description('devices');
  devices
    .command('list')
    .description('devices of the project')
    .option('--group <name>')
    .option('--class <name>')
    .option('--online', 'only those that are connected')
    .action(
      remote(async ({ client, params, output }, options: ListOptions) => {
        const query = {
          ...(options.group ? { group: options.group } : {}),
          ...(options.class ? { deviceClass: options.class } : {}),
          ...(options.online ? { online: 'true' as const } : {}),
        };
        const items = await everyItem((page) => client.call('devices.list', { params, query: { ...query, ...page } }));
        output.result(items, () =>
          table(
            ['name', 'id', 'class', 'group', 'state', 'online', 'runs', 'update', '>memory', 'error'],
            items.map((d) => [
              d.name,
              d.id,
              d.deviceClass,
              d.group ?? '-',
              d.state,
              d.online ? 'yes' : 'no',
              running(d),
              d.updateState,
              size(d.rssBytes),
              d.error?.code ?? '',
            ]),
          ),
        );
      }),
    );
  devices
    .command('show <device>')
    .description('one device: what it runs, reports and is made of')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const device = await deviceId(here, given);
        const d = await client.call('devices.get', { params: { ...params, device } });
        output.result(d, () =>
          fields([
            ['device', d.name],
            ['id', d.id],
            ['class', d.deviceClass],
            ['group', d.group],
            ['labels', labelText(d.labels)],
            ['state', d.state],
            ['online', d.online ? 'yes' : 'no'],
            ['last seen', d.lastSeenAt],
            ['runs', running(d)],
            ['update', d.updateState],
            ['error', d.error ? `${d.error.code}: ${d.error.message}` : null],
            ['certificate until', d.certificateExpiresAt],
            ['memory', size(d.rssBytes)],
            ...Object.entries(d.facts).map(([k, v]) => [k, v] as const),
          ]),
        );
      }),
    );
  devices
    .command('label <device> <changes...>')
    .description('set labels (key=value) and remove them (key-); refused when somebody changed the device meanwhile')
    .action(
      remote(async (here, given: string, changes: string[]) => {
        const { client, params, output } = here;
        const labels = parseLabels(changes);
        const device = await deviceId(here, given);
        const d = await changeLabels(client, { ...params, device }, labels);
        output.result(d, `${d.name}: ${labelText(d.labels)}`);
      }),
    );
  devices
    .command('enroll-token')
    .description('make what a device needs to enrol')
    .requiredOption('--class <name>', 'device class')
    .option('--group <name>')
    .option('--name <text>')
    .option(
      '--max-uses <n>',
      'devices that may enrol with it',
      number('--max-uses', { min: 1, max: 100_000, integer: true }),
      1,
    )
    .option('--expires-in <minutes>', 'minutes', number('--expires-in', { min: 1, max: 525_600, integer: true }), 1440)
    .option('--keys <dir>', 'release keys folder, whose root the device will trust')
    .option('--out <file>', 'write the bundle there instead of printing it')
    .action(remote(enrollToken));
  devices
    .command('re-enroll-token <device>')
    .description('make what a device needs to enrol again as the device that it is')
    .option('--new-key', 'also with a new key, because it lost its disk; its old certificates are revoked then')
    .option('--expires-in <minutes>', 'minutes', number('--expires-in', { min: 1, max: 525_600, integer: true }), 1440)
    .option('--keys <dir>', 'release keys folder, whose root the device will trust')
    .option('--out <file>', 'write the bundle there instead of printing it')
    .action(remote(reEnrollToken));
  devices
    .command('revoke <device>')
    .description('refuse a device from now on')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const device = await deviceId(here, given);
        const d = await client.call('devices.revoke', { params: { ...params, device } });
        output.result(d, `${d.name} is ${d.state}`);
      }),
    );
  const groups = program.command('groups').description('groups of devices');
  groups
    .command('list')
    .description('groups and how many devices each has')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('groups.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['name', '>devices', '>online', 'description'],
            items.map((g) => [g.name, String(g.devices), String(g.online), g.description]),
          ),
        );
      }),
    );
  groups
    .command('create <name>')
    .description('make a group')
    .option('--description <text>')
    .action(
      remote(async ({ client, params, output }, name: string, options: { description?: string }) => {
        const group = await client.call('groups.create', {
          params,
          body: { name, description: options.description ?? '' },
        });
        output.result(group, `created group ${group.name}`);
      }),
    );
}
