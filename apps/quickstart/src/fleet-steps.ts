/** Signing, enrolment, rollout, inference, telemetry: the part with devices. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, Device, Release, Rollout } from '@verge/contracts';
import { StepFailed, type Agent, type Context } from './context.js';
import { classify, servedModel, testImages } from './inference.js';
import { until } from './processes.js';
import { percent } from './screen.js';

export const GROUP = 'line-1';
const AGENTS = [
  { name: 'gateway-1', deviceClass: 'gateway' },
  { name: 'sensor-1', deviceClass: 'sensor' },
  { name: 'sensor-2', deviceClass: 'sensor' },
] as const;

const keys = (context: Context): string => join(context.home, 'release-keys');

/** Makes the offline keys; they never leave this folder, and the control plane never sees their private halves. */
export async function makeKeys(context: Context): Promise<string> {
  await context.commands.verge(['releases', 'init', '--keys', keys(context)]);
  return 'ed25519 keys for root, targets, snapshot and timestamp';
}

export async function signAndPublish(context: Context, name: string, artifacts: readonly Artifact[]): Promise<Release> {
  const staged = join(context.home, 'releases', name);
  await mkdir(staged, { recursive: true });
  await context.commands.verge([
    'releases',
    'sign',
    '--keys',
    keys(context),
    '--out',
    staged,
    ...artifacts.flatMap((a) => ['--artifact', a.id]),
  ]);
  return context.commands.verge<Release>(['releases', 'publish', staged, '--name', name]);
}

async function enroll(context: Context, name: string, deviceClass: string): Promise<Agent> {
  const dir = join(context.home, 'agents', name);
  await mkdir(dir, { recursive: true });
  const bundle = join(context.home, 'agents', `${name}.enrollment.json`);
  await context.commands.verge([
    'devices',
    'enroll-token',
    '--class',
    deviceClass,
    '--group',
    GROUP,
    '--keys',
    keys(context),
    '--out',
    bundle,
  ]);
  await context.commands.agent(['enroll', '--bundle', bundle, '--name', name, '--dir', dir]);
  await context.processes.start(`agent-${name}`, 'apps/agent/bin/verge-agent.mjs', [
    'run',
    '--dir',
    dir,
    '--port',
    '0',
  ]);
  const running = await until(`${name} to listen`, 30, async () => {
    const text = await readFile(join(dir, 'agent.json'), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as { httpUrl: string; deviceId: string });
  });
  return { name, deviceClass, dir, id: running.deviceId, url: running.httpUrl };
}

export async function enrollAgents(context: Context): Promise<string> {
  await context.commands.verge(['groups', 'create', GROUP]);
  for (const { name, deviceClass } of AGENTS) {
    context.progress(name);
    context.agents.push(await enroll(context, name, deviceClass));
  }
  await until('all agents to be online', 30, async () => {
    const { items } = await context.client.call('devices.list', {
      params: { project: context.project },
      query: { online: 'true' },
    });
    return items.length === AGENTS.length ? items : undefined;
  });
  return AGENTS.map((a) => `${a.name} (${a.deviceClass})`).join(', ');
}

export interface RolloutOptions {
  release: Release;
  maxLatencyRatio?: number;
  observeSeconds: number;
  minRequests: number;
}

/**
 * Starts a rollout with one canary and waits for its end, while the agents answer real images: the gate judges by
 * traffic, so there must be some.
 */
export async function rollOut(context: Context, name: string, options: RolloutOptions): Promise<Rollout> {
  const { release, maxLatencyRatio, observeSeconds, minRequests } = options;
  const created = await context.commands.verge<Rollout>([
    'rollouts',
    'create',
    '--name',
    name,
    '--release',
    release.id,
    '--group',
    GROUP,
    '--canary',
    '1',
    '--observe',
    String(observeSeconds),
    '--min-requests',
    String(minRequests),
    '--device-timeout',
    '60',
    ...(maxLatencyRatio === undefined ? [] : ['--max-latency-ratio', String(maxLatencyRatio)]),
  ]);
  const ended = new AbortController();
  const traffic = keepBusy(context, ended.signal);
  try {
    return await until(`rollout ${name} to end`, 120, async () => {
      const rollout = await context.client.call('rollouts.get', {
        params: { project: context.project, rollout: created.id },
      });
      context.progress(
        `${rollout.state}: ${rollout.counts.updated ?? 0} of ${context.agents.length} updated ${rollout.reason}`,
      );
      return ['succeeded', 'reverted', 'cancelled'].includes(rollout.state) ? rollout : undefined;
    });
  } finally {
    ended.abort();
    await traffic;
  }
}

/** Sends a test image to each serving agent every so often until told to stop. Errors of single requests are the gate's business. */
async function keepBusy(context: Context, signal: AbortSignal): Promise<void> {
  const { images, labels } = await testImages(context.root);
  for (let i = 0; !signal.aborted; i = (i + 1) % images.length) {
    for (const agent of context.agents) {
      const image = images[i];
      if (image) await classify(context, agent, [image], [labels[i] ?? 0]).catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** All test images to every agent; what they answer is scored here, where the labels are. */
export async function classifyOnAgents(context: Context): Promise<string> {
  const { images, labels } = await testImages(context.root);
  for (const agent of context.agents) {
    context.progress(agent.name);
    const { served, correct, digest } = await classify(context, agent, images, labels);
    context.report.devices.push({ id: agent.id, class: agent.deviceClass, artifact: digest, served, correct });
  }
  return context.report.devices.map((d, i) => `${context.agents[i]?.name} ${percent(d.correct / d.served)}`).join(', ');
}

/** Waits until the control plane has counted every inference that was sent. */
export async function awaitTelemetry(context: Context): Promise<string> {
  const params = { project: context.project };
  const read = () => context.client.call('telemetry.totals', { params, query: {} });
  const totals = await until('telemetry of every inference', 60, async () => {
    const now = await read();
    context.progress(`${now.requests} of ${context.sent}`);
    return now.requests >= context.sent ? now : undefined;
  }).catch(read);
  context.report.telemetry = {
    sent: context.sent,
    received: totals.requests,
    duplicates: totals.requests - Math.min(totals.requests, context.sent),
  };
  if (totals.requests !== context.sent)
    throw new StepFailed(`${context.sent} inferences were sent, ${totals.requests} were counted`);
  return `${totals.requests} inferences in ${totals.records} records, p50 ${totals.p50Ms?.toFixed(2)} ms`;
}

export async function deviceOf(context: Context, agent: Agent): Promise<Device> {
  return context.client.call('devices.get', { params: { project: context.project, device: agent.id } });
}

/** What each agent serves now, by manifest digest, in the order of the agents. */
export async function serving(context: Context): Promise<string[]> {
  return Promise.all(context.agents.map(async (agent) => (await servedModel(agent)).digest));
}
