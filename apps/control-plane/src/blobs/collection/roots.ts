/**
 * What uses blobs: every column of the database that names one. A row of this table is a statement that selects `project_id` and
 * `digest`. Lists of files, which are blobs themselves, are read besides (`mark.ts`).
 */

export interface Root {
  /** table.column, as the statement reads them. */
  readonly columns: readonly string[];
  readonly sql: string;
}

/** Every digest in a document, whatever the field that holds it: a field that is added later is not forgotten. */
const digestsIn = (document: string): string =>
  `regexp_matches(${document}::text, 'sha256:[0-9a-f]{64}', 'g') AS found`;

/** Work that is not over reads what its payload names, and goes on from the checkpoint of its progress. */
const isOpen = `j.state IN ('queued', 'running', 'cancelling')`;

const artifactFiles = `SELECT a.project_id, f->>'digest' FROM artifacts a, jsonb_array_elements(a.manifest->'files') AS f`;

/** A packed form is of use as long as its file, and its base, are files of artifacts. Of a packing `p`. */
export const isOfUse = `(p.project_id, p.target_digest) IN (${artifactFiles})
  AND (p.base_digest = '' OR (p.project_id, p.base_digest) IN (${artifactFiles}))`;

export const roots: readonly Root[] = [
  { columns: ['versions.digest'], sql: 'SELECT project_id, digest FROM versions' },
  { columns: ['datasets.digest'], sql: 'SELECT project_id, digest FROM datasets' },
  { columns: ['artifacts.manifest_digest'], sql: 'SELECT project_id, manifest_digest AS digest FROM artifacts' },
  {
    columns: ['artifacts.manifest'],
    sql: `SELECT project_id, found[1] AS digest FROM artifacts, ${digestsIn('manifest')}`,
  },
  {
    columns: ['packings.digest'],
    sql: `SELECT p.project_id, p.digest FROM packings p WHERE p.digest IS NOT NULL AND ${isOfUse}`,
  },
  {
    // A model that was sent as an ONNX file to be trained.
    columns: ['trainings.config'],
    sql: `SELECT j.project_id, found[1] AS digest FROM trainings t JOIN jobs j ON j.id = t.id, ${digestsIn('t.config')}`,
  },
  {
    // Students that distillation begins with.
    columns: ['recipes.recipe'],
    sql: `SELECT project_id, found[1] AS digest FROM recipes, ${digestsIn('recipe')}`,
  },
  {
    columns: ['jobs.payload'],
    sql: `SELECT j.project_id, found[1] AS digest FROM jobs j, ${digestsIn('j.payload')} WHERE ${isOpen}`,
  },
  {
    columns: ['jobs.progress'],
    sql: `SELECT j.project_id, found[1] AS digest FROM jobs j, ${digestsIn('j.progress')} WHERE ${isOpen}`,
  },
];

/**
 * Since when blobs may have been stored by work that is not over, to which nothing refers before its result has come in; null
 * without such work.
 */
export const oldestOpenWork = `SELECT min(j.created_at) AS since FROM jobs j WHERE ${isOpen}`;

/** Columns that name digests or hold documents, and need no blob: a test asks that each column is here or above. */
export const needNoBlob: readonly string[] = [
  // The references themselves, and what is done with them.
  'blob_references.digest',
  'condemned_blobs.digest',
  // Of packed forms: what they are of, which is an artifact's.
  'packings.target_digest',
  'packings.base_digest',
  // What devices run, or were told: they have the bytes, and to get them again they need the artifact.
  'devices.active_digest',
  'devices.target_digest',
  'rollout_devices.manifest_digest',
  'rollout_devices.previous_digest',
  'telemetry_records.artifact_digest',
  'telemetry_pending.artifact_digest',
  'telemetry_rollups.artifact_digest',
  'telemetry_arrivals.artifact_digest',
  'quarantined_records.artifact_digest',
  // Read with the list of files.
  'datasets.files',
  // Documents without digests of blobs, or about what is over.
  'api_tokens.token_hash',
  'artifacts.report',
  'audit_entries.detail',
  'authorities.detail',
  'compressions.report',
  'compressions.search',
  'compressions.searched',
  'compressions.target',
  'datasets.labels',
  'datasets.preprocess',
  'device_events.detail',
  'devices.facts',
  'devices.labels',
  'evaluations.confusion',
  'evaluations.measurement',
  'evaluations.test',
  'quarantined_records.classes',
  'quarantined_records.features',
  'quarantined_records.reasons',
  'rollouts.gate',
  'rollouts.wave_plan',
  'telemetry_pending.classes',
  'telemetry_pending.features',
  'telemetry_records.classes',
  'telemetry_records.features',
  'telemetry_rollups.classes',
  'telemetry_rollups.features',
  'training_points.point',
  'trainings.report',
  'versions.inputs',
  'versions.labels',
  'versions.metrics',
  'versions.outputs',
  'versions.ports',
  'versions.preprocess',
  'workers.running',
];
