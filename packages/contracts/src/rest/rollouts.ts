/** Rollouts: a release reaches a group wave by wave, behind a gate. */
import { z } from 'zod';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { page, pageQuery } from './page.js';
import { route } from './route.js';

/** A wave takes a number of devices, or brings the total up to a percentage of them. The last wave is everything left. */
export const Wave = z.union([
  z.strictObject({ devices: z.int().min(1) }),
  z.strictObject({ percent: z.number().gt(0).max(100) }),
]);
export type Wave = z.infer<typeof Wave>;

/** What must hold for a wave before the next one starts; a breach stops the rollout and takes updated devices back. */
export const Gate = z.strictObject({
  /** Fraction of a wave's devices that may fail to download, verify, install or pass their self-test. */
  maxFailedFraction: z.number().min(0).max(1).default(0),
  /** Largest fraction of inference requests that end in an error. */
  maxErrorRate: z.number().min(0).max(1).default(0.01),
  /** Largest p50 latency of the new version as a multiple of the old one's on the same devices; null: not watched. */
  maxLatencyRatio: z.number().positive().nullable().default(1.5),
  /** Requests that each updated device must have answered before its figures count; 0 does not wait for traffic. */
  minRequests: z.int().min(0).default(20),
  /** Shortest time a wave is watched once all its devices are updated, in seconds. */
  observeSeconds: z.number().min(0).max(604_800).default(60),
  /** A device that has not settled this long after it was offered the update counts as failed, in seconds. */
  deviceTimeoutSeconds: z.number().min(1).max(2_592_000).default(3600),
});
export type Gate = z.infer<typeof Gate>;

export const RolloutStateName = z.enum(['running', 'paused', 'reverting', 'succeeded', 'reverted', 'cancelled']);
export const RolloutDeviceStateName = z.enum([
  'waiting',
  'offered',
  'updating',
  'updated',
  'failed',
  'reverting',
  'reverted',
  'skipped',
]);

export const WaveStatus = z.object({
  index: z.int(),
  state: z.enum(['waiting', 'active', 'passed', 'failed']),
  devices: z.int(),
  updated: z.int(),
  failed: z.int(),
  /** Observed since the wave's devices were updated. */
  requests: z.int(),
  errors: z.int(),
  p50Ms: z.number().nullable(),
  baselineP50Ms: z.number().nullable(),
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
});
export type WaveStatus = z.infer<typeof WaveStatus>;

export const Rollout = z.object({
  id: Id,
  name: z.string(),
  releaseId: Id,
  release: z.string(),
  model: Slug,
  version: z.int(),
  group: Slug,
  waves: z.array(WaveStatus),
  gate: Gate,
  state: RolloutStateName,
  /** Why it stopped or waits, in words. */
  reason: z.string(),
  counts: z.record(RolloutDeviceStateName, z.int()),
  createdBy: z.string(),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
});
export type Rollout = z.infer<typeof Rollout>;

export const RolloutDevice = z.object({
  deviceId: Id,
  name: z.string(),
  deviceClass: Slug,
  wave: z.int(),
  state: RolloutDeviceStateName,
  updateState: z.string(),
  artifactId: Id.nullable(),
  manifestDigest: Digest.nullable(),
  previousDigest: Digest.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  requests: z.int(),
  errors: z.int(),
  p50Ms: z.number().nullable(),
  baselineP50Ms: z.number().nullable(),
  offeredAt: Instant.nullable(),
  updatedAt: Instant.nullable(),
});
export type RolloutDevice = z.infer<typeof RolloutDevice>;

export const RolloutEventMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('rollout'), rollout: Rollout }),
  z.object({ type: z.literal('device'), device: RolloutDevice }),
]);
export type RolloutEventMessage = z.infer<typeof RolloutEventMessage>;

const one = '/projects/{project}/rollouts/{rollout}';
export const rolloutRoutes = {
  'rollouts.list': route({
    method: 'GET',
    path: '/projects/{project}/rollouts',
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Rollouts.',
    query: z.strictObject({ ...pageQuery, state: RolloutStateName.optional(), group: z.string().max(63).optional() }),
    response: page(Rollout),
  }),
  'rollouts.create': route({
    method: 'POST',
    path: '/projects/{project}/rollouts',
    tag: 'rollouts',
    role: 'operator',
    status: 201,
    summary: "Start a rollout of a release to a group. Each device gets the release's artifact of its own class.",
    body: z.strictObject({
      name: z.string().min(1).max(120),
      release: z.string().min(1).max(120).describe('id or name'),
      group: z.string().min(1).max(63).describe('id or name'),
      /** Which model version of the release; needed only when the release holds several. */
      version: z.string().max(100).optional().describe('a version: an id, or model@number'),
      waves: z
        .array(Wave)
        .min(1)
        .max(32)
        .default([{ devices: 1 }, { percent: 100 }]),
      gate: Gate.default({
        maxFailedFraction: 0,
        maxErrorRate: 0.01,
        maxLatencyRatio: 1.5,
        minRequests: 20,
        observeSeconds: 60,
        deviceTimeoutSeconds: 3600,
      }),
    }),
    response: Rollout,
  }),
  'rollouts.get': route({
    method: 'GET',
    path: one,
    tag: 'rollouts',
    role: 'viewer',
    summary: 'A rollout.',
    response: Rollout,
  }),
  'rollouts.devices': route({
    method: 'GET',
    path: `${one}/devices`,
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Its devices, in the order of the waves.',
    query: z.strictObject({ ...pageQuery, state: RolloutDeviceStateName.optional() }),
    response: page(RolloutDevice),
  }),
  'rollouts.pause': route({
    method: 'POST',
    path: `${one}/pause`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Start no further device.',
    response: Rollout,
  }),
  'rollouts.resume': route({
    method: 'POST',
    path: `${one}/resume`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Go on.',
    response: Rollout,
  }),
  'rollouts.cancel': route({
    method: 'POST',
    path: `${one}/cancel`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'End it where it is; updated devices keep the new version.',
    response: Rollout,
  }),
  'rollouts.revert': route({
    method: 'POST',
    path: `${one}/revert`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Stop it and take the updated devices back.',
    response: Rollout,
  }),
  'rollouts.events': route({
    method: 'GET',
    path: `${one}/events`,
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Its progress, live.',
    stream: 'events',
    event: RolloutEventMessage,
  }),
};
