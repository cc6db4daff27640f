/** `npm run quickstart`: the whole loop on real data, each step through the CLI and the REST API, as a user would. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@verge/contracts';
import { commands } from './cli.js';
import type { Context } from './context.js';
import { compressForClasses, registerDataset, trainStudents, trainTeacher } from './engine-steps.js';
import {
  GROUP,
  awaitTelemetry,
  classifyOnAgents,
  enrollAgents,
  makeKeys,
  rollOut,
  signAndPublish,
} from './fleet-steps.js';
import { Processes, tail, until } from './processes.js';
import { refuseSlow, refuseTampered } from './refusal-steps.js';
import { emptyReport, Report } from './report.js';
import { bold, dim, green, red, StepLine } from './screen.js';
import { summary } from './summary.js';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
/** Everything the run makes lands here; each run starts afresh. */
const home = resolve(process.env['VERGE_QUICKSTART_DIR'] ?? join(root, '.verge', 'quickstart'));
const STEPS = 13;

async function start(context: Context): Promise<string> {
  const data = join(context.home, 'data');
  const { email, password } = context.login;
  const started = await context.processes.start('control-plane', 'apps/control-plane/bin/verge-control-plane.mjs', [], {
    VERGE_DATA_DIR: data,
    VERGE_ADMIN_EMAIL: email,
    VERGE_ADMIN_PASSWORD: password,
    VERGE_PUBLIC_HOST: 'localhost',
    // Somebody is watching: hear from the agents more often than a fleet would bear.
    VERGE_REPORT_INTERVAL_SECONDS: '2',
    // The quickstart runs on what comes embedded, whatever the shell it was started from is set up for.
    DATABASE_URL: '',
    REDIS_URL: '',
    S3_ENDPOINT: '',
  });
  context.url = await until('the control plane to be ready', 60, async () => {
    if (started.child.exitCode !== null) throw new Error(`the control plane ended:\n${await tail(started.log)}`);
    const text = await readFile(join(data, 'control-plane.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const { httpUrl } = JSON.parse(text) as { httpUrl: string };
    const ready = await fetch(`${httpUrl}/readyz`).catch(() => undefined);
    return ready?.ok ? httpUrl : undefined;
  });
  for (const name of ['worker-1', 'worker-2']) {
    await context.processes.start(name, 'apps/worker/bin/verge-worker.mjs', [], {
      VERGE_DATA_DIR: data,
      DATABASE_URL: '',
      REDIS_URL: '',
      S3_ENDPOINT: '',
    });
  }
  const session = await createClient({ baseUrl: context.url }).call('auth.login', { body: { email, password } });
  context.client = createClient({ baseUrl: context.url, token: session.token });
  await context.commands.verge(['login', '--url', context.url, '--email', email, '--password-stdin'], {
    input: password,
  });
  await context.commands.verge(['projects', 'create', context.project, '--name', 'Quickstart']);
  await context.commands.verge(['use', context.project]);
  return context.url;
}

async function walk(context: Context): Promise<void> {
  let index = 0;
  const step = async <T>(title: string, act: () => Promise<T>, say: (result: T) => string): Promise<T> => {
    const line = new StepLine(++index, STEPS, title);
    context.progress = (text) => line.progress(text);
    try {
      const result = await act();
      context.report.steps.push({ name: title, ok: true, seconds: line.seconds });
      line.end(true, say(result));
      return result;
    } catch (error) {
      context.report.steps.push({ name: title, ok: false, seconds: line.seconds });
      line.end(false, '');
      throw error;
    }
  };
  const text = (t: string): string => t;
  const detail = (r: { detail: string }): string => r.detail;
  await step('Start control plane and two workers', () => start(context), text);
  await step('Register the data set', () => registerDataset(context), text);
  const teacher = await step('Train the teacher', () => trainTeacher(context), detail);
  const students = await step('Distil the student', () => trainStudents(context, teacher.version), detail);
  const compressed = await step(
    'Compress for two device classes',
    () => compressForClasses(context, students.distilled),
    detail,
  );
  await step('Make offline release keys', () => makeKeys(context), text);
  const release = await step(
    'Sign and publish the release',
    () => signAndPublish(context, 'first', compressed.artifacts),
    (r) => `targets version ${r.targetsVersion}`,
  );
  await step('Enrol three agents', () => enrollAgents(context), text);
  await step(
    'Roll out, canary first',
    async () => {
      const rollout = await rollOut(context, 'first', { release, observeSeconds: 3, minRequests: 10 });
      if (rollout.state !== 'succeeded') throw new Error(`the rollout ended as ${rollout.state}: ${rollout.reason}`);
      return rollout;
    },
    (r) => `${r.waves.length} waves, ${r.counts.updated} devices`,
  );
  await step('Classify real images on the agents', () => classifyOnAgents(context), text);
  await step('Refuse a tampered artifact', () => refuseTampered(context, students.plain), text);
  await step('Stop a slow model at the canary', () => refuseSlow(context), text);
  await step('Count the telemetry', () => awaitTelemetry(context), text);
}

async function writeReport(context: Context): Promise<string> {
  const file = join(context.home, 'report.json');
  await writeFile(file, JSON.stringify(Report.parse(context.report), null, 2) + '\n');
  return file;
}

/** What can be tried next, from the root of the checkout: with this run's login, keys and devices. */
function nextCommands(home: string): string[] {
  const here = relative(root, home);
  return [
    `  export VERGE_CONFIG_DIR=${join(here, 'cli')}`,
    '  npx verge overview',
    '  npx verge devices list',
    `  npx verge-agent status --dir ${join(here, 'agents', 'gateway-1')}`,
    `  npx verge devices enroll-token --class gateway --group ${GROUP} --keys ${join(here, 'release-keys')} --out bundle.json`,
  ];
}

async function main(): Promise<number> {
  const exitAfter = process.argv.includes('--exit');
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const report = emptyReport();
  const processes = new Processes(root, join(home, 'logs'), (name, log) => {
    console.error(red(`\n${name} ended unexpectedly; its log is ${log}`));
  });
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(130));
  });
  process.on('exit', () => processes.killNow());
  const context: Context = {
    root,
    home,
    project: 'quickstart',
    processes,
    report,
    commands: commands(root, { VERGE_CONFIG_DIR: join(home, 'cli') }),
    client: createClient({ baseUrl: '' }),
    url: '',
    login: { email: 'admin@verge.local', password: randomBytes(9).toString('base64url') },
    agents: [],
    sent: 0,
    progress: () => undefined,
  };
  console.log(bold('Verge quickstart: from data to a fleet and back\n'));
  const work = walk(context).then(
    () => 0,
    (error: unknown) => {
      console.error(
        `\n${red(error instanceof Error ? error.message : String(error))}\n${dim(`logs: ${join(home, 'logs')}`)}`,
      );
      return 1;
    },
  );
  let code = await Promise.race([work, interrupted]);
  report.ok = code === 0;
  const file = await writeReport(context);
  if (code === 0) {
    console.log(`\n${summary(report)}\n`);
    console.log(`${green('Everything above ran on this machine.')} Report: ${file}`);
    console.log(
      `Console: ${bold(context.url)}  login ${bold(context.login.email)}  password ${bold(context.login.password)}`,
    );
    if (!exitAfter) {
      console.log(`In another terminal, here:\n${nextCommands(context.home).join('\n')}`);
      console.log(dim('It stays up for you to look around; Ctrl-C ends it.'));
      code = await interrupted.then(() => 0);
    }
  }
  await processes.stop();
  return code;
}

process.exit(await main());
