/** `verge rollouts`: a release reaches a group wave by wave, behind a gate. */
import { Gate, type Rollout, type Wave } from '@verge/contracts';
import { Option, type Command } from 'commander';
import { collect, number, remote, type Remote } from '../command.js';
import { CliError } from '../errors.js';
import { fields, milliseconds, percent, size, table, type Output } from '../output.js';
import { rolloutId } from './names.js';
import { everyItem } from './pages.js';

interface CreateOptions {
  name: string;
  release: string;
  group: string;
  version?: string;
  canary: string;
  wave?: string[];
  maxFailed?: number;
  maxErrorRate?: number;
  maxLatencyRatio?: number;
  minRequests?: number;
  trafficTimeout?: number;
  whenNoTraffic?: string;
  observe?: number;
  deviceTimeout?: number;
  minReached?: number;
  countStalled?: boolean;
  wait?: boolean;
}

/** '2' is two devices, '10%' brings the total to a tenth of the group. */
function wave(option: string, text: string): Wave {
  const match = /^([0-9]+(?:\.[0-9]+)?)(%?)$/.exec(text);
  const value = Number(match?.[1]);
  if (match?.[2] === '%' && value > 0 && value <= 100) return { percent: value };
  if (match?.[2] === '' && Number.isInteger(value) && value >= 1) return { devices: value };
  throw new CliError('usage', `${option}: expected a number of devices or a percentage such as 10%, got '${text}'`);
}

function gateOf(o: CreateOptions): Gate {
  const given = {
    maxFailedFraction: o.maxFailed,
    maxErrorRate: o.maxErrorRate,
    maxLatencyRatio: o.maxLatencyRatio,
    minRequests: o.minRequests,
    trafficSeconds: o.trafficTimeout,
    whenNoTraffic: o.whenNoTraffic,
    observeSeconds: o.observe,
    deviceTimeoutSeconds: o.deviceTimeout,
    minReachedFraction: o.minReached,
    countStalled: o.countStalled,
  };
  return Gate.parse(Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)));
}

export function showRollout(r: Rollout): string {
  return [
    fields([
      ['rollout', r.id],
      ['name', r.name],
      ['model', `${r.model}@${r.version}`],
      ['group', r.group],
      ['state', r.state],
      ['reason', r.reason],
    ]),
    table(
      [
        '>wave',
        'state',
        '>devices',
        '>updated',
        '>failed',
        '>pending',
        '>stalled',
        '>requests',
        '>error rate',
        '>p50',
        '>p50 before',
        '>sent',
        '>of files',
      ],
      r.waves.map((w) => [
        String(w.index + 1),
        w.state,
        String(w.devices),
        String(w.updated),
        String(w.failed),
        String(w.pending),
        String(w.stalled),
        String(w.requests),
        percent(w.requests ? w.errors / w.requests : null),
        milliseconds(w.p50Ms),
        milliseconds(w.baselineP50Ms),
        size(w.sentBytes),
        size(w.sentFileBytes),
      ]),
    ),
  ].join('\n');
}

async function watch({ client, params }: Remote, id: string, output: Output): Promise<Rollout> {
  for (;;) {
    const r = await client.call('rollouts.get', { params: { ...params, rollout: id } });
    const counts = Object.entries(r.counts)
      .filter(([, n]) => n > 0)
      .map(([s, n]) => `${n} ${s}`)
      .join(', ');
    output.progress(`rollout ${r.id}: ${r.state}; ${counts}${r.reason ? `; ${r.reason}` : ''}`);
    if (['succeeded', 'reverted', 'cancelled'].includes(r.state)) return r;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function ended(output: Output, r: Rollout): void {
  if (r.state !== 'succeeded') throw new CliError('failed', `rollout ${r.id} ended as ${r.state}: ${r.reason}`);
  output.result(r, () => showRollout(r));
}

async function create(connection: Remote, options: CreateOptions): Promise<void> {
  const { client, params, output } = connection;
  const waves = [wave('--canary', options.canary), ...(options.wave ?? ['100%']).map((w) => wave('--wave', w))];
  const { name, release, group, version } = options;
  const rollout = await client.call('rollouts.create', {
    params,
    body: { name, release, group, waves, gate: gateOf(options), ...(version ? { version } : {}) },
  });
  if (options.wait) ended(output, await watch(connection, rollout.id, output));
  else output.result(rollout, () => showRollout(rollout));
}

export function rolloutCommands(program: Command): void {
  const rollouts = program.command('rollouts').description('rollouts');
  const fraction = (name: string) => number(name, { min: 0, max: 1 });
  rollouts
    .command('create')
    .description('bring a release to a group, wave by wave')
    .requiredOption('--name <name>')
    .requiredOption('--release <release>', 'id or name')
    .requiredOption('--group <group>')
    .option('--version <version>', 'which version of the release, when it holds several')
    .option('--canary <n>', 'devices of the first wave: a number, or a percentage', '1')
    .option('--wave <n>', 'a further wave; may be repeated (default: 100%)', collect)
    .option('--max-failed <fraction>', 'of a wave may fail to update', fraction('--max-failed'))
    .option(
      '--max-error-rate <fraction>',
      'of requests may end in an error of the model, beyond what the version before had',
      fraction('--max-error-rate'),
    )
    .option(
      '--max-latency-ratio <ratio>',
      'p50 against the old version on the same devices',
      number('--max-latency-ratio', { min: 0.01 }),
    )
    .option(
      '--min-requests <n>',
      'that each device must have answered',
      number('--min-requests', { min: 0, integer: true }),
    )
    .option('--observe <seconds>', 'shortest watch of a wave', number('--observe', { min: 0 }))
    .option(
      '--device-timeout <seconds>',
      'after which a wave goes on without a device that was not reached or makes no progress',
      number('--device-timeout', { min: 1 }),
    )
    .option(
      '--min-reached <fraction>',
      'of a wave must have said how it went before the next one starts',
      fraction('--min-reached'),
    )
    .option(
      '--traffic-timeout <seconds>',
      'longest wait for --min-requests; then the devices that had them decide',
      number('--traffic-timeout', { min: 0 }),
    )
    .addOption(
      new Option('--when-no-traffic <what>', 'what to do when no device had them by then').choices(['pause', 'pass']),
    )
    .option('--count-stalled', 'a device that stops in the middle of its update counts as failed')
    .option('--wait', 'until it ends; exit code 1 unless it succeeds')
    .action(remote(create));
  rollouts
    .command('list')
    .description('rollouts, newest first')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('rollouts.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['id', 'name', 'model', 'group', 'state', 'reason'],
            items.map((r) => [r.id, r.name, `${r.model}@${r.version}`, r.group, r.state, r.reason]),
          ),
        );
      }),
    );
  rollouts
    .command('show <rollout>')
    .description('one rollout and its waves')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const rollout = await rolloutId(here, given);
        const r = await client.call('rollouts.get', { params: { ...params, rollout } });
        const devices = await everyItem((page) =>
          client.call('rollouts.devices', { params: { ...params, rollout }, query: page }),
        );
        output.result({ ...r, devices }, () =>
          [
            showRollout(r),
            table(
              ['device', 'class', '>wave', 'state', 'error', '>p50'],
              devices.map((d) => [
                d.name,
                d.deviceClass,
                String(d.wave + 1),
                d.state,
                d.error ? `${d.error.code}: ${d.error.message}` : '',
                milliseconds(d.p50Ms),
              ]),
            ),
          ].join('\n\n'),
        );
      }),
    );
  rollouts
    .command('watch <rollout>')
    .description('follow it to its end')
    .action(
      remote(async (connection, id: string) => {
        ended(connection.output, await watch(connection, await rolloutId(connection, id), connection.output));
      }),
    );
  for (const [verb, description] of [
    ['pause', 'start no further device'],
    ['resume', 'go on'],
    ['cancel', 'end it where it is'],
    ['revert', 'stop it and take updated devices back'],
  ] as const) {
    rollouts
      .command(`${verb} <rollout>`)
      .description(description)
      .action(
        remote(async (here, given: string) => {
          const { client, params, output } = here;
          const rollout = await rolloutId(here, given);
          const r = await client.call(`rollouts.${verb}`, { params: { ...params, rollout } });
          output.result(r, `rollout ${r.name} is ${r.state}`);
        }),
      );
  }
}
