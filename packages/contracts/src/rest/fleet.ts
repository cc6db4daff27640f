/** Devices, groups, enrolment. */
import { z } from 'zod';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { freeText } from '../text.js';
import { Flag, listQuery, newestFirst, page, search, someIds } from './page.js';
import { route } from './route.js';

const Labels = z.record(z.string().min(1).max(63), z.string().max(255)).meta({ id: 'Labels' });

const LabelsPatch = z.record(z.string().min(1).max(63), z.string().max(255).nullable()).meta({ id: 'LabelsPatch' });

export const RunningArtifact = z
  .object({
    id: Id.nullable(),
    manifestDigest: Digest,
    model: Slug.nullable(),
    version: z.int().nullable(),
  })
  .meta({ id: 'RunningArtifact' });

export const Device = z
  .object({
    id: Id,
    name: z.string(),
    deviceClass: Slug,
    groupId: Id.nullable(),
    group: Slug.nullable(),
    labels: Labels,
    state: z.enum(['active', 'revoked']),
    online: z.boolean().describe('whether its watch stream is open'),
    lastSeenAt: Instant.nullable(),
    enrolledAt: Instant,
    certificateExpiresAt: Instant,
    facts: z.record(z.string(), z.string()),
    updateState: z.string(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    active: RunningArtifact.nullable(),
    desired: RunningArtifact.nullable(),
    rssBytes: z.int().nullable(),
    spoolRecords: z.int().nullable(),
    spoolDropped: z.int().nullable(),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof Device>;

export const Group = z
  .object({
    id: Id,
    name: Slug,
    description: z.string(),
    devices: z.int(),
    online: z.int(),
    createdAt: Instant,
  })
  .meta({ id: 'Group' });
export type Group = z.infer<typeof Group>;

export const EnrollmentToken = z
  .object({
    id: Id,
    name: z.string(),
    deviceClass: Slug,
    group: Slug.nullable(),
    maxUses: z.int(),
    uses: z.int(),
    deviceId: Id.nullable().describe('the one device that may use it, to enrol again'),
    expiresAt: Instant,
    createdAt: Instant,
    revoked: z.boolean(),
  })
  .meta({ id: 'EnrollmentToken' });
export type EnrollmentToken = z.infer<typeof EnrollmentToken>;

/** What a device needs to enrol: written to a file and given to `verge-agent enroll --bundle`. */
export const EnrollmentBundle = z
  .strictObject({
    schema: z.literal('verge.enrollment/1'),
    endpoint: z
      .string()
      .regex(/^[^\s:]+:[0-9]{1,5}$/, 'expected host:port')
      .describe('host:port of the Enrollment service'),
    token: z.string().min(20),
    deviceClass: Slug,
    authorityPem: z.string().includes('BEGIN CERTIFICATE'),
    releaseRoot: z
      .base64()
      .nullable()
      .describe(
        "root.json of the release repository, base64. verge devices enroll-token puts it in from the operator's own keys folder: a device must not learn it from the control plane.",
      ),
    deviceId: Id.optional().describe(
      'the device that enrols again with it, and keeps its identity, its models and its telemetry',
    ),
  })
  .meta({ id: 'EnrollmentBundle' });
export type EnrollmentBundle = z.infer<typeof EnrollmentBundle>;

/** Its secret is in the bundle, and is shown this once. */
export const NewEnrollmentToken = EnrollmentToken.extend({ bundle: EnrollmentBundle }).meta({
  id: 'NewEnrollmentToken',
});

export const DeviceEvent = z
  .object({
    at: Instant,
    kind: z.string(),
    message: z.string(),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'DeviceEvent' });
export type DeviceEvent = z.infer<typeof DeviceEvent>;

export const fleetRoutes = {
  'devices.list': route({
    method: 'GET',
    path: '/projects/{project}/devices',
    tag: 'devices',
    role: 'viewer',
    summary: 'Devices of the project.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'name', 'deviceClass', 'lastSeenAt'], '-createdAt'),
      ...search,
      group: z.string().max(63).optional(),
      deviceClass: Slug.optional(),
      online: Flag.optional(),
      state: Device.shape.state.optional(),
      failing: Flag.optional().describe('whether its last update failed or it reports an error'),
      model: z.string().max(63).optional().describe('what it runs'),
      version: z.string().max(100).optional().describe('what it runs: an id, or model@number'),
      ids: someIds.optional().describe('these alone, as far as they are there: up to 100 ids, separated by commas'),
    }),
    response: page(Device),
  }),
  'devices.classes': route({
    method: 'GET',
    path: '/projects/{project}/device-classes',
    tag: 'devices',
    role: 'viewer',
    summary: 'The classes of the devices that are not revoked, each with how many there are.',
    response: z.object({ items: z.array(z.object({ name: Slug, devices: z.int() })) }),
  }),
  'devices.get': route({
    method: 'GET',
    path: '/projects/{project}/devices/{device}',
    tag: 'devices',
    role: 'viewer',
    summary: 'A device.',
    response: Device,
  }),
  'devices.update': route({
    method: 'PATCH',
    path: '/projects/{project}/devices/{device}',
    tag: 'devices',
    role: 'operator',
    summary:
      'Rename, label or regroup a device: a merge patch (RFC 7396). Labels that are not named stay; null removes one.',
    refusals: ['CONFLICT'],
    changes: ['name', 'labels', 'group'],
    body: z.strictObject({
      name: z.string().min(1).max(120).optional(),
      labels: LabelsPatch.optional(),
      group: z.string().max(63).nullable().optional(),
    }),
    response: Device,
  }),
  'devices.revoke': route({
    method: 'POST',
    path: '/projects/{project}/devices/{device}/revoke',
    tag: 'devices',
    role: 'operator',
    summary: 'Refuse a device from its next call on and cut its stream.',
    response: Device,
  }),
  'devices.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/devices/{device}',
    tag: 'devices',
    role: 'operator',
    summary:
      'Delete a device: refuse it from now on, cut its streams, take it out of all rollouts. Its telemetry is deleted in the background; what it added to the sums of its project and groups stays.',
    status: 204,
  }),
  'devices.reEnroll': route({
    method: 'POST',
    path: '/projects/{project}/devices/{device}/enrollment-token',
    tag: 'devices',
    role: 'operator',
    status: 201,
    summary: 'Create a token with which this device alone enrols again, as the device that it is.',
    refusals: ['CONFLICT'],
    body: z.strictObject({
      allowNewKey: z.boolean().default(false).describe('also with a key that it never had here: its disk was lost'),
      expiresInMinutes: z.int().min(1).max(525_600).default(1440),
    }),
    response: NewEnrollmentToken,
  }),
  'devices.events': route({
    method: 'GET',
    path: '/projects/{project}/devices/{device}/history',
    tag: 'devices',
    role: 'viewer',
    summary: 'What happened to a device, newest first.',
    query: z.strictObject({ ...newestFirst, kind: z.string().max(64).optional() }),
    response: page(DeviceEvent),
  }),
  'groups.list': route({
    method: 'GET',
    path: '/projects/{project}/groups',
    tag: 'groups',
    role: 'viewer',
    summary: 'Groups of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'name'], '-createdAt'), ...search }),
    response: page(Group),
  }),
  'groups.create': route({
    method: 'POST',
    path: '/projects/{project}/groups',
    tag: 'groups',
    role: 'operator',
    status: 201,
    summary: 'Create a group.',
    refusals: ['CONFLICT'],
    body: z.strictObject({ name: Slug, description: freeText(z.string().max(2000)).default('') }),
    response: Group,
  }),
  'groups.get': route({
    method: 'GET',
    path: '/projects/{project}/groups/{group}',
    tag: 'groups',
    role: 'viewer',
    summary: 'A group, by id or name.',
    response: Group,
  }),
  'groups.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/groups/{group}',
    tag: 'groups',
    role: 'operator',
    summary: 'Delete a group. Refused while devices, rollouts or usable enrolment tokens refer to it.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'enrollment.list': route({
    method: 'GET',
    path: '/projects/{project}/enrollment-tokens',
    tag: 'devices',
    role: 'operator',
    summary: 'Enrolment tokens, without their secrets.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'name', 'expiresAt'], '-createdAt'),
      ...search,
      usable: Flag.optional().describe('whether it can still enrol a device'),
    }),
    response: page(EnrollmentToken),
  }),
  'enrollment.create': route({
    method: 'POST',
    path: '/projects/{project}/enrollment-tokens',
    tag: 'devices',
    role: 'operator',
    status: 201,
    summary: 'Create an enrolment token; its secret is shown once, in the bundle.',
    body: z.strictObject({
      name: z.string().max(120).default(''),
      deviceClass: Slug,
      group: z.string().max(63).nullable().default(null),
      maxUses: z.int().min(1).max(100_000).default(1),
      expiresInMinutes: z.int().min(1).max(525_600).default(1440),
    }),
    response: NewEnrollmentToken,
  }),
  'enrollment.revoke': route({
    method: 'DELETE',
    path: '/projects/{project}/enrollment-tokens/{token}',
    tag: 'devices',
    role: 'operator',
    summary: 'Revoke an enrolment token.',
    status: 204,
  }),
};
