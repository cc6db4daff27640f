/** Telemetry as it is asked for, the overview, and the project's live feed. */
import { z } from 'zod';
import { FieldError } from '../problem.js';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { newestFirst, page } from './page.js';
import { Alarm } from './alarm.js';
import { route } from './route.js';

/** No record is older. With it, the hour or day that a window is widened to is still a time that can be written. */
const Moment = Instant.regex(/^(19[7-9]|[2-9]\d\d)\d-/, 'expected a time of 1970 or later');

const window = {
  from: Moment.optional().describe('an hour ago when absent'),
  to: Moment.optional().describe('now when absent'),
  device: Id.optional(),
  group: z.string().max(63).optional(),
  model: z.string().max(63).optional(),
  artifact: Digest.optional().describe('manifest digest'),
};

/** Three kinds of error, counted apart: only the model's are among the requests and judge the model. */
const counts = {
  requests: z.int().describe('what reached the model: its answers and its errors'),
  errors: z.int().describe("the model's own, among the requests"),
  callerErrors: z.int().describe('input that is malformed or does not fit the model; not among the requests'),
  loadErrors: z.int().describe('refused under load or while the model was replaced; not among the requests'),
};

export const TelemetryPoint = z
  .object({
    at: Instant,
    ...counts,
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
  })
  .meta({ id: 'TelemetryPoint' });
export type TelemetryPoint = z.infer<typeof TelemetryPoint>;

export const FeatureSummary = z
  .object({
    name: z.string(),
    count: z.int(),
    mean: z.number(),
    std: z.number(),
    min: z.number(),
    max: z.number(),
    p05: z.number().nullable(),
    p50: z.number().nullable(),
    p95: z.number().nullable(),
  })
  .meta({ id: 'FeatureSummary' });

export const TelemetryTotals = z
  .object({
    ...counts,
    records: z.int().describe('telemetry records counted; a record delivered again is not'),
    duplicates: z.int().describe('deliveries of records that were already counted'),
    devices: z.int(),
    leftOut: z.int().describe('counts of classes and values of features that had no room in the sums'),
    quarantined: z
      .int()
      .describe(
        'records of these devices that are in quarantine now, whatever their window: they are counted nowhere else',
      ),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
    classes: z.array(z.object({ index: z.int(), label: z.string(), count: z.int() })),
    features: z.array(FeatureSummary),
  })
  .meta({ id: 'TelemetryTotals' });
export type TelemetryTotals = z.infer<typeof TelemetryTotals>;

/** A record that cannot be true, as its device sent it, and why. */
export const QuarantinedRecord = z
  .object({
    id: Id,
    device: z.object({ id: Id, name: z.string() }),
    receivedAt: Instant,
    spoolId: z.string(),
    seq: z.int(),
    artifact: Digest.describe('manifest digest'),
    startMs: z.int().describe('milliseconds since 1970 by the clock of the device'),
    endMs: z.int(),
    ...counts,
    classes: z.array(z.object({ index: z.int(), count: z.int() })),
    features: z.array(
      z.object({ name: z.string(), count: z.int(), mean: z.number(), min: z.number(), max: z.number() }),
    ),
    reasons: z.array(FieldError),
  })
  .meta({ id: 'QuarantinedRecord' });
export type QuarantinedRecord = z.infer<typeof QuarantinedRecord>;

const ofDevice = { device: Id.optional() };

export const Overview = z
  .object({
    devices: z.object({ total: z.int(), online: z.int(), failing: z.int(), revoked: z.int() }),
    versionsInField: z.array(z.object({ model: Slug, version: z.int(), deviceClass: Slug, devices: z.int() })),
    models: z.int(),
    jobs: z.object({ queued: z.int(), running: z.int(), failedToday: z.int() }),
    rollouts: z.object({ running: z.int(), paused: z.int(), reverting: z.int() }),
    telemetry: z.object({
      requestsLastHour: z.int(),
      errorsLastHour: z.int(),
      p50Ms: z.number().nullable(),
      p95Ms: z.number().nullable(),
    }),
    alarms: z.array(Alarm).describe('the most urgent first; empty when nothing needs a person'),
  })
  .meta({ id: 'Overview' });
export type Overview = z.infer<typeof Overview>;

/** The project's feed: which resource changed. Readers fetch it again. */
export const ProjectEvent = z
  .object({
    type: z.enum([
      'training',
      'compression',
      'evaluation',
      'version',
      'artifact',
      'release',
      'device',
      'group',
      'rollout',
      'telemetry',
      'dataset',
      'model',
      'recipe',
    ]),
    id: z.string(),
    at: Instant,
    routine: z
      .literal(true)
      .optional()
      .describe(
        'of a device: it told of itself as usual, and nothing has changed but when it was seen and what it measures',
      ),
  })
  .meta({ id: 'ProjectEvent' });
export type ProjectEvent = z.infer<typeof ProjectEvent>;

export const telemetryRoutes = {
  'telemetry.series': route({
    method: 'GET',
    path: '/projects/{project}/telemetry/series',
    tag: 'telemetry',
    role: 'viewer',
    summary: 'Requests, errors and latency over time, oldest first: every step of the window, in whole minutes.',
    query: z.strictObject({
      ...window,
      stepSeconds: z.coerce
        .number()
        .int()
        .min(60)
        .max(86_400)
        .optional()
        .describe('whole minutes; chosen for about 120 points when absent'),
    }),
    response: z.object({ stepSeconds: z.int(), points: z.array(TelemetryPoint) }),
  }),
  'telemetry.totals': route({
    method: 'GET',
    path: '/projects/{project}/telemetry/totals',
    tag: 'telemetry',
    role: 'viewer',
    summary: 'Totals over a window: counts, quantiles, classes, features.',
    query: z.strictObject(window),
    response: TelemetryTotals,
  }),
  'quarantine.list': route({
    method: 'GET',
    path: '/projects/{project}/quarantine',
    tag: 'telemetry',
    role: 'viewer',
    summary: 'Telemetry records that cannot be true and are not counted, newest first.',
    query: z.strictObject({ ...newestFirst, ...ofDevice }),
    response: page(QuarantinedRecord),
  }),
  'quarantine.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/quarantine/{record}',
    tag: 'telemetry',
    role: 'operator',
    summary: 'Deletes a quarantined record.',
    status: 204,
  }),
  'quarantine.clear': route({
    method: 'DELETE',
    path: '/projects/{project}/quarantine',
    tag: 'telemetry',
    role: 'operator',
    summary: 'Deletes all quarantined records, of one device when it is named.',
    query: z.strictObject(ofDevice),
    response: z.object({ deleted: z.int() }),
  }),
  'overview.get': route({
    method: 'GET',
    path: '/projects/{project}/overview',
    tag: 'overview',
    role: 'viewer',
    summary: 'The numbers that matter now.',
    response: Overview,
  }),
  'events.stream': route({
    method: 'GET',
    path: '/projects/{project}/events',
    tag: 'overview',
    role: 'viewer',
    summary: 'What changes in the project, live.',
    stream: 'events',
    event: ProjectEvent,
  }),
};
