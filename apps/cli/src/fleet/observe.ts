/** `verge telemetry`, `overview`. */
import type { Command } from 'commander';
import { number, remote, type Remote } from '../command.js';
import { CliError } from '../errors.js';
import { deviceId } from './names.js';
import { fields, milliseconds, percent, table } from '../output.js';

interface WindowOptions {
  since?: string;
  device?: string;
  group?: string;
  model?: string;
  step?: number;
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** '90s', '15m', '6h', '7d' before now, as an RFC 3339 instant. */
function since(text: string): string {
  const match = /^([0-9]+)([smhd])$/.exec(text);
  const unit = units[match?.[2] ?? ''];
  if (!match || !unit)
    throw new CliError('usage', `--since: expected a length of time such as 90s, 15m, 6h or 7d, got '${text}'`);
  return new Date(Date.now() - Number(match[1]) * unit * 1000).toISOString();
}

async function windowOf(here: Remote, o: WindowOptions) {
  return {
    ...(o.since ? { from: since(o.since) } : {}),
    ...(o.device ? { device: await deviceId(here, o.device) } : {}),
    ...(o.group ? { group: o.group } : {}),
    ...(o.model ? { model: o.model } : {}),
  };
}

function windowed(command: Command): Command {
  return command
    .option('--since <time>', 'such as 15m, 6h, 7d; an hour when absent')
    .option('--device <device>', 'a name or an id')
    .option('--group <name>')
    .option('--model <name>');
}

export function observeCommands(program: Command): void {
  const telemetry = program.command('telemetry').description('what the devices sent back');
  windowed(telemetry.command('totals').description('counts, latency, classes and features')).action(
    remote(async (here, options: WindowOptions) => {
      const { client, params, output } = here;
      const t = await client.call('telemetry.totals', { params, query: await windowOf(here, options) });
      output.result(t, () =>
        [
          fields([
            ['requests', t.requests],
            ['errors', `${t.errors} (${percent(t.requests ? t.errors / t.requests : null)})`],
            ['caller errors', t.callerErrors],
            ['load errors', t.loadErrors],
            ['devices', t.devices],
            ['records', t.records],
            ['delivered again', t.duplicates],
            ['in quarantine', t.quarantined],
            ['left out of classes and features', t.leftOut],
            ['p50', milliseconds(t.p50Ms)],
            ['p95', milliseconds(t.p95Ms)],
            ['p99', milliseconds(t.p99Ms)],
          ]),
          table(
            ['class', '>count'],
            t.classes.map((c) => [c.label, String(c.count)]),
          ),
          table(
            ['feature', '>mean', '>std', '>p05', '>p50', '>p95'],
            t.features.map((f) => [
              f.name,
              ...[f.mean, f.std, f.p05, f.p50, f.p95].map((v) => (v === null ? '-' : v.toFixed(4))),
            ]),
          ),
        ].join('\n\n'),
      );
    }),
  );
  windowed(telemetry.command('series').description('requests, errors and latency over time'))
    .option(
      '--step <seconds>',
      'seconds a point, whole minutes',
      number('--step', { min: 60, max: 86_400, integer: true }),
    )
    .action(
      remote(async (here, options: WindowOptions) => {
        const { client, params, output } = here;
        const s = await client.call('telemetry.series', {
          params,
          query: { ...(await windowOf(here, options)), ...(options.step ? { stepSeconds: options.step } : {}) },
        });
        output.result(s, () =>
          table(
            ['at', '>requests', '>errors', '>caller errors', '>load errors', '>p50', '>p95', '>p99'],
            s.points.map((p) => [
              p.at,
              String(p.requests),
              String(p.errors),
              String(p.callerErrors),
              String(p.loadErrors),
              milliseconds(p.p50Ms),
              milliseconds(p.p95Ms),
              milliseconds(p.p99Ms),
            ]),
          ),
        );
      }),
    );
  program
    .command('overview')
    .description('the numbers that matter now')
    .action(
      remote(async ({ client, params, output }) => {
        const o = await client.call('overview.get', { params });
        output.result(o, () =>
          fields([
            ...o.alarms.map((alarm) => ['alarm', alarm.message] as const),
            ['devices', `${o.devices.online} of ${o.devices.total} online, ${o.devices.failing} failing`],
            ['in the field', o.versionsInField.map((v) => `${v.model}@${v.version} on ${v.devices}`).join(', ')],
            ['jobs', `${o.jobs.running} running, ${o.jobs.queued} queued`],
            ['rollouts', `${o.rollouts.running} running, ${o.rollouts.reverting} reverting`],
            [
              'last hour',
              `${o.telemetry.requestsLastHour} requests, ${o.telemetry.errorsLastHour} errors, p50 ${milliseconds(o.telemetry.p50Ms)}`,
            ],
          ]),
        );
      }),
    );
}
