/** Rollouts: a release reaches a group wave by wave, behind a gate. */
import { z } from 'zod';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { anyOf, listQuery, page, search } from './page.js';
import { route } from './route.js';

/** A wave takes a number of devices, or brings the total up to a percentage of them. The last wave is everything left. */
export const Wave = z
  .union([
    z.strictObject({ devices: z.int().min(1) }).meta({ id: 'WaveOfDevices' }),
    z.strictObject({ percent: z.number().gt(0).max(100) }),
  ])
  .meta({ id: 'Wave' });
export type Wave = z.infer<typeof Wave>;

/**
 * What must hold for a wave before the next one starts; a breach stops the rollout and takes updated devices back. Only what
 * devices have reported can breach it: a device that is switched off says nothing about the model. All times are
 * counted on the rollout's own clock, which stands still while the rollout is paused or the control plane is down.
 */
export const Gate = z
  .strictObject({
    maxFailedFraction: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        "fraction of a wave's reached devices that may fail to download, verify, install or pass their self-test",
      ),
    maxErrorRate: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe(
        'largest fraction of requests that end in an error of the model, beyond what the version before had on the same device',
      ),
    maxLatencyRatio: z
      .number()
      .positive()
      .nullable()
      .default(1.5)
      .describe(
        "largest p50 latency of the new version as a multiple of the old one's on the same devices; null: not watched",
      ),
    minRequests: z
      .int()
      .min(0)
      .default(20)
      .describe(
        'requests that each updated device must have answered before its figures count; 0 does not wait for traffic',
      ),
    trafficSeconds: z
      .number()
      .min(0)
      .max(2_592_000)
      .default(86_400)
      .describe('Longest wait for those requests, in seconds. Afterwards the devices that had them decide.'),
    whenNoTraffic: z
      .enum(['pause', 'pass'])
      .default('pause')
      .describe('what to do when no device had its requests by then: pause and let a person decide, or go on without'),
    observeSeconds: z
      .number()
      .min(0)
      .max(604_800)
      .default(60)
      .describe('shortest time a wave is watched once its devices are updated, in seconds'),
    deviceTimeoutSeconds: z
      .number()
      .min(1)
      .max(2_592_000)
      .default(3600)
      .describe(
        'How long a wave waits for a device, in seconds. One that was never reached is left behind as pending, one that began and makes no progress as stalled; both are updated when they come back.',
      ),
    minReachedFraction: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        "fraction of a wave's devices that must have reported how it went before a next wave starts; at least one must",
      ),
    countStalled: z
      .boolean()
      .default(false)
      .describe('whether a device that began the update and stalled counts as failed'),
  })
  .meta({ id: 'Gate' });
export type Gate = z.infer<typeof Gate>;

export const RolloutStateName = z
  .enum(['running', 'paused', 'reverting', 'succeeded', 'reverted', 'cancelled'])
  .meta({ id: 'RolloutState' });
export const RolloutDeviceStateName = z
  .enum([
    'waiting',
    'offered',
    'pending',
    'updating',
    'stalled',
    'updated',
    'failed',
    'reverting',
    'reverted',
    'skipped',
  ])
  .meta({ id: 'RolloutDeviceState' });
export const WaveStateName = z.enum(['waiting', 'active', 'passed', 'failed', 'unreached']).meta({ id: 'WaveState' });
export type WaveState = z.infer<typeof WaveStateName>;

const sent = {
  sentBytes: z
    .int()
    .describe('bytes of files that were sent while the rollout was followed, as they went over the network'),
  sentFileBytes: z.int().describe('bytes of the files that these were: more where they came packed'),
};

export const WaveStatus = z
  .object({
    index: z.int(),
    state: WaveStateName.describe('unreached: it ended before any of its devices was reached'),
    devices: z.int(),
    updated: z.int(),
    failed: z.int(),
    pending: z.int().describe('not reached yet; no failure'),
    stalled: z.int().describe('began and made no progress since'),
    requests: z.int().describe("observed since the wave's devices were updated"),
    errors: z.int(),
    expectedErrors: z
      .number()
      .describe(
        'errors that the same requests would have met with the version before, each device at its own earlier rate',
      ),
    p50Ms: z.number().nullable(),
    baselineP50Ms: z.number().nullable(),
    ...sent,
    startedAt: Instant.nullable(),
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'WaveStatus' });
export type WaveStatus = z.infer<typeof WaveStatus>;

export const Rollout = z
  .object({
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
    reason: z.string().describe('why it stopped or waits, in words'),
    counts: z.record(RolloutDeviceStateName, z.int()),
    createdBy: z.string(),
    createdAt: Instant,
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Rollout' });
export type Rollout = z.infer<typeof Rollout>;

export const RolloutDevice = z
  .object({
    deviceId: Id,
    name: z.string(),
    deviceClass: Slug,
    wave: z.int(),
    state: RolloutDeviceStateName,
    online: z.boolean(),
    updateState: z.string(),
    activeDigest: Digest.nullable().describe(
      'what it serves now, as it last reported: a device that is reverting may still serve the new version',
    ),
    artifactId: Id.nullable(),
    manifestDigest: Digest.nullable(),
    previousDigest: Digest.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    requests: z.int(),
    errors: z.int(),
    p50Ms: z.number().nullable(),
    baselineP50Ms: z.number().nullable(),
    ...sent,
    offeredAt: Instant.nullable(),
    updatedAt: Instant.nullable(),
  })
  .meta({ id: 'RolloutDevice' });
export type RolloutDevice = z.infer<typeof RolloutDevice>;

export const RolloutEventMessage = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('rollout'), rollout: Rollout }),
    z.object({ type: z.literal('device'), device: RolloutDevice }),
  ])
  .meta({ id: 'RolloutEventMessage' });
export type RolloutEventMessage = z.infer<typeof RolloutEventMessage>;

const one = '/projects/{project}/rollouts/{rollout}';
export const rolloutRoutes = {
  'rollouts.list': route({
    method: 'GET',
    path: '/projects/{project}/rollouts',
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Rollouts of the project.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'name'], '-createdAt'),
      ...search,
      state: anyOf(RolloutStateName).optional(),
      group: z.string().max(63).optional(),
      model: z.string().max(63).optional(),
      release: z.string().max(120).optional(),
    }),
    response: page(Rollout),
  }),
  'rollouts.create': route({
    method: 'POST',
    path: '/projects/{project}/rollouts',
    tag: 'rollouts',
    role: 'operator',
    status: 201,
    summary: "Start a rollout of a release to a group. Each device gets the release's artifact of its own class.",
    refusals: ['CONFLICT'],
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
        trafficSeconds: 86_400,
        whenNoTraffic: 'pause',
        observeSeconds: 60,
        deviceTimeoutSeconds: 3600,
        minReachedFraction: 0.5,
        countStalled: false,
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
  'rollouts.delete': route({
    method: 'DELETE',
    path: one,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Delete the record of a rollout that is over. What its devices were told to run stays.',
    refusals: ['STATE_CONFLICT'],
    status: 204,
  }),
  'rollouts.devices': route({
    method: 'GET',
    path: `${one}/devices`,
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Devices of a rollout, in the order of its waves.',
    query: z.strictObject({
      ...listQuery(['wave', 'name', 'updatedAt'], 'wave'),
      ...search,
      state: anyOf(RolloutDeviceStateName).optional(),
      wave: z.coerce.number().int().min(0).max(1_000).optional().describe('index, from 0'),
    }),
    response: page(RolloutDevice),
  }),
  'rollouts.pause': route({
    method: 'POST',
    path: `${one}/pause`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Pause a rollout: no further device starts.',
    refusals: ['STATE_CONFLICT'],
    response: Rollout,
  }),
  'rollouts.resume': route({
    method: 'POST',
    path: `${one}/resume`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Go on with a paused rollout.',
    refusals: ['STATE_CONFLICT'],
    response: Rollout,
  }),
  'rollouts.cancel': route({
    method: 'POST',
    path: `${one}/cancel`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'End a rollout where it is; updated devices keep the new version.',
    refusals: ['STATE_CONFLICT'],
    response: Rollout,
  }),
  'rollouts.revert': route({
    method: 'POST',
    path: `${one}/revert`,
    tag: 'rollouts',
    role: 'operator',
    summary: 'Stop a rollout and take the updated devices back.',
    refusals: ['STATE_CONFLICT'],
    response: Rollout,
  }),
  'rollouts.events': route({
    method: 'GET',
    path: `${one}/events`,
    tag: 'rollouts',
    role: 'viewer',
    summary: 'Progress of a rollout, live.',
    stream: 'events',
    event: RolloutEventMessage,
  }),
};
