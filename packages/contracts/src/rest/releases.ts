/** Artifacts (built for one device class) and releases (artifacts signed offline). */
import { z } from 'zod';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { ArtifactManifest } from '../manifest.js';
import { CompressionReport } from '../recipe.js';
import { page, pageQuery, PageQuery } from './page.js';
import { route } from './route.js';

export const Artifact = z.object({
  id: Id,
  model: Slug,
  version: z.int(),
  versionId: Id,
  compressionId: Id,
  deviceClass: Slug,
  recipe: Slug,
  /** TUF target path of the manifest. */
  targetPath: z.string(),
  manifestDigest: Digest,
  manifestBytes: z.int(),
  manifest: ArtifactManifest,
  report: CompressionReport,
  offered: z.boolean(),
  /** Sum of the files' sizes. */
  bytes: z.int(),
  createdAt: Instant,
});
export type Artifact = z.infer<typeof Artifact>;

export const Release = z.object({
  id: Id,
  name: z.string(),
  notes: z.string(),
  artifacts: z.array(z.object({ id: Id, model: Slug, version: z.int(), deviceClass: Slug, manifestDigest: Digest })),
  /** Version of targets.json that first listed these artifacts. */
  targetsVersion: z.int(),
  createdBy: z.string(),
  createdAt: Instant,
});
export type Release = z.infer<typeof Release>;

/** A TUF metadata file name: root, targets and snapshot carry a version, timestamp does not (TUF 1.0, consistent snapshots). */
export const MetadataName = z
  .string()
  .regex(/^([1-9][0-9]*\.(root|targets|snapshot)|timestamp)\.json$/, 'expected a TUF metadata file name');
export const MetadataFile = z.strictObject({ name: MetadataName, content: z.base64().max(8 * 1024 * 1024) });

export const releaseRoutes = {
  'artifacts.list': route({
    method: 'GET',
    path: '/projects/{project}/artifacts',
    tag: 'artifacts',
    role: 'viewer',
    summary: 'Artifacts.',
    query: z.strictObject({
      ...pageQuery,
      model: z.string().max(63).optional(),
      version: z.string().max(100).optional(),
      deviceClass: Slug.optional(),
      offered: z.enum(['true', 'false']).optional(),
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
  'releases.list': route({
    method: 'GET',
    path: '/projects/{project}/releases',
    tag: 'releases',
    role: 'viewer',
    summary: 'Releases.',
    query: PageQuery,
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
    body: z.strictObject({
      name: z.string().min(1).max(120),
      notes: z.string().max(4000).default(''),
      artifacts: z.array(Id).min(1).max(1000),
      metadata: z.array(MetadataFile).min(1).max(32),
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
  'releases.metadata': route({
    method: 'GET',
    path: '/projects/{project}/release-metadata',
    tag: 'releases',
    role: 'viewer',
    summary: 'The newest metadata of the release repository and every root; empty before the first release.',
    response: z.object({ files: z.array(MetadataFile) }),
  }),
};
