/** Artifacts (built for one device class) and releases (artifacts signed offline). */
import { z } from 'zod';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { ArtifactManifest } from '../manifest.js';
import { CompressionReport } from '../recipe.js';
import { freeText } from '../text.js';
import { Flag, listQuery, page, search } from './page.js';
import { route } from './route.js';

/** That people took an artifact back, in signed metadata. No rollout offers it, and no device begins to run it. */
export const Withdrawn = z.object({ at: Instant, reason: z.string() }).meta({ id: 'Withdrawn' });

export const Artifact = z
  .object({
    id: Id,
    model: Slug,
    version: z.int(),
    versionId: Id,
    compressionId: Id,
    deviceClass: Slug,
    recipe: Slug,
    targetPath: z.string().describe('TUF target path of the manifest'),
    manifestDigest: Digest,
    manifestBytes: z.int(),
    manifest: ArtifactManifest,
    report: CompressionReport,
    offered: z.boolean(),
    withdrawn: Withdrawn.nullable(),
    bytes: z.int().describe("sum of the files' sizes"),
    createdAt: Instant,
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof Artifact>;

export const Release = z
  .object({
    id: Id,
    name: z.string(),
    notes: z.string(),
    artifacts: z.array(
      z.object({
        id: Id,
        model: Slug,
        version: z.int(),
        deviceClass: Slug,
        manifestDigest: Digest,
        withdrawn: Withdrawn.nullable(),
      }),
    ),
    targetsVersion: z.int().describe('version of targets.json that first listed these artifacts'),
    createdBy: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'Release' });
export type Release = z.infer<typeof Release>;

/** A TUF metadata file name: root, targets and snapshot carry a version, timestamp does not (TUF 1.0, consistent snapshots). */
export const MetadataName = z
  .string()
  .regex(/^([1-9][0-9]*\.(root|targets|snapshot)|timestamp)\.json$/, 'expected a TUF metadata file name')
  .meta({ id: 'MetadataName' });
export const MetadataFile = z
  .strictObject({ name: MetadataName, content: z.base64().max(8 * 1024 * 1024) })
  .meta({ id: 'MetadataFile' });

const listed = {
  path: z.string(),
  manifestDigest: Digest,
  artifactId: Id.nullable().describe('null when the artifact is not of this project any more'),
};

/** The release repository of a project as its newest published metadata describes it; no roles before the first release. */
export const ReleaseRepository = z
  .object({
    roles: z.array(
      z.object({
        role: z.enum(['root', 'targets', 'snapshot', 'timestamp']),
        version: z.int(),
        expiresAt: Instant,
        daysLeft: z.int().describe('whole days until then; negative once it has expired'),
        keyIds: z.array(z.string()),
        threshold: z.int().describe('keys that must sign'),
      }),
    ),
    targets: z.array(z.object(listed)),
    withdrawn: z.array(
      z.object({
        ...listed,
        reason: z.string(),
        withdrawnAt: Instant,
        running: z.int().describe('active devices that report that they run it'),
        devices: z.array(z.object({ id: Id, name: z.string() })).describe('the first hundred of them, by name'),
      }),
    ),
  })
  .meta({ id: 'ReleaseRepository' });
export type ReleaseRepository = z.infer<typeof ReleaseRepository>;

export const releaseRoutes = {
  'artifacts.list': route({
    method: 'GET',
    path: '/projects/{project}/artifacts',
    tag: 'artifacts',
    role: 'viewer',
    summary: 'Artifacts of the project.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'deviceClass', 'bytes'], '-createdAt'),
      ...search,
      model: z.string().max(63).optional(),
      version: z.string().max(100).optional(),
      deviceClass: Slug.optional(),
      offered: Flag.optional(),
      released: Flag.optional().describe('whether a release lists it'),
    }),
    response: page(Artifact),
  }),
  'artifacts.get': route({
    method: 'GET',
    path: '/projects/{project}/artifacts/{artifact}',
    tag: 'artifacts',
    role: 'viewer',
    summary: 'An artifact.',
    response: Artifact,
  }),
  'artifacts.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/artifacts/{artifact}',
    tag: 'artifacts',
    role: 'operator',
    summary:
      'Delete an artifact. Refused while a release or the signed targets list it, a rollout that is not over uses it, or a device is to run it or runs it.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'releases.list': route({
    method: 'GET',
    path: '/projects/{project}/releases',
    tag: 'releases',
    role: 'viewer',
    summary: 'Releases of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'name'], '-createdAt'), ...search }),
    response: page(Release),
  }),
  'releases.create': route({
    method: 'POST',
    path: '/projects/{project}/releases',
    tag: 'releases',
    role: 'operator',
    status: 201,
    summary:
      'Publish TUF metadata that was signed offline and lists the artifacts. All of it is verified, then stored, or none.',
    refusals: ['CONFLICT', 'RELEASE_REFUSED'],
    body: z.strictObject({
      name: z.string().min(1).max(120),
      notes: freeText(z.string().max(4000)).default(''),
      artifacts: z.array(Id).min(1).max(1000),
      metadata: z.array(MetadataFile).min(1).max(64),
    }),
    response: Release,
  }),
  'releases.get': route({
    method: 'GET',
    path: '/projects/{project}/releases/{release}',
    tag: 'releases',
    role: 'viewer',
    summary: 'A release.',
    response: Release,
  }),
  'releases.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/releases/{release}',
    tag: 'releases',
    role: 'operator',
    summary:
      'Delete a release. Refused while rollouts refer to it, a device is to run an artifact of it or runs it, or one of its targets is not withdrawn.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'releases.metadata': route({
    method: 'GET',
    path: '/projects/{project}/release-metadata',
    tag: 'releases',
    role: 'viewer',
    summary: 'The newest metadata of the release repository and every root; empty before the first release.',
    response: z.object({ files: z.array(MetadataFile) }),
  }),
  'releases.publishMetadata': route({
    method: 'PUT',
    path: '/projects/{project}/release-metadata',
    tag: 'releases',
    role: 'operator',
    summary:
      'Publish TUF metadata that was signed offline and releases nothing new: renewed, rotated, or with withdrawals.',
    refusals: ['RELEASE_REFUSED'],
    body: z.strictObject({ metadata: z.array(MetadataFile).min(1).max(64) }),
    response: ReleaseRepository,
  }),
  'releases.repository': route({
    method: 'GET',
    path: '/projects/{project}/release-repository',
    tag: 'releases',
    role: 'viewer',
    summary:
      'The release repository: expiry and keys of each role, what is listed, what was withdrawn and who runs it.',
    response: ReleaseRepository,
  }),
};
