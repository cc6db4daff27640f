/**
 * What holds what: a thing can be deleted when nothing in its row of this table refers to it. The rule is one: whatever says of
 * itself where it came from, or what it uses, holds that. So nothing that exists ever names something that is gone, and the
 * way to delete is from what was made last to what it was made from (docs/decisions/0012-deleting-and-collecting.md).
 *
 * Where the reference is a foreign key, the key is RESTRICT, and is what counts in a race; the rest are words in reports and in
 * signed metadata.
 */
import type { HolderKind } from '@verge/contracts';
import { SEARCH } from '../jobs/work-row.js';

export const things = [
  'dataset',
  'model',
  'version',
  'recipe',
  'training',
  'compression',
  'evaluation',
  'artifact',
  'release',
  'rollout',
  'group',
  'device',
] as const;
export type Thing = (typeof things)[number];

export interface Hold {
  readonly kind: HolderKind;
  /** After "3 trainings": what they do with it. */
  readonly why: string;
  /** Selects `id` and `name` of what holds the thing whose identifier is $1. */
  readonly sql: string;
}

const versionName = `m.name || '@' || v.number`;
const ofVersion = 'JOIN versions v ON v.id = version_id JOIN models m ON m.id = v.model_id';

const training = (why: string, where: string): Hold => ({
  kind: 'training',
  why,
  sql: `SELECT t.id, coalesce(nullif(t.name, ''), m.name) AS name
    FROM trainings t JOIN models m ON m.id = t.model_id WHERE ${where}`,
});
const version = (why: string, where: string): Hold => ({
  kind: 'version',
  why,
  sql: `SELECT v.id, ${versionName} AS name FROM versions v JOIN models m ON m.id = v.model_id WHERE ${where}`,
});
const compression = (why: string, where: string): Hold => ({
  kind: 'compression',
  why,
  sql: `SELECT c.id, ${versionName} || ' ' || coalesce(r.name, '${SEARCH}') AS name
    FROM compressions c ${ofVersion} LEFT JOIN recipes r ON r.id = c.recipe_id WHERE ${where}`,
});
const evaluation = (why: string, where: string): Hold => ({
  kind: 'evaluation',
  why,
  sql: `SELECT e.id, ${versionName} || ' on ' || d.name AS name
    FROM evaluations e ${ofVersion} JOIN datasets d ON d.id = e.dataset_id WHERE ${where}`,
});
const artifact = (why: string, where: string): Hold => ({
  kind: 'artifact',
  why,
  sql: `SELECT a.id, ${versionName} || '/' || a.device_class AS name FROM artifacts a ${ofVersion} WHERE ${where}`,
});
const rollout = (why: string, where: string): Hold => ({
  kind: 'rollout',
  why,
  sql: `SELECT r.id, r.name FROM rollouts r WHERE ${where}`,
});
const device = (why: string, where: string): Hold => ({
  kind: 'device',
  why,
  sql: `SELECT d.id, d.name FROM devices d WHERE ${where}`,
});

/** The newest targets that people have signed, by project: what is listed there may be asked for by any device. */
const listedTargets = `LATERAL (SELECT convert_from(content, 'UTF8')::jsonb #> '{signed,targets}' AS listed
    FROM release_metadata WHERE project_id = a.project_id AND role = 'targets' ORDER BY version DESC LIMIT 1) t`;
/** Of a release: its artifacts that no other release lists. */
const onlyIn = `release_artifacts own JOIN artifacts a ON a.id = own.artifact_id
    AND NOT EXISTS (SELECT FROM release_artifacts other
      WHERE other.artifact_id = a.id AND other.release_id <> own.release_id)`;
/** As the device has reported: it serves the artifact, or is in the middle of changing to it. */
const runs = `(a.manifest_digest = d.active_digest
    OR a.manifest_digest = d.target_digest AND d.update_state NOT IN ('idle', 'failed'))`;
const notOver = `r.state IN ('running', 'paused', 'reverting')`;

export const holds: Readonly<Record<Thing, readonly Hold[]>> = {
  dataset: [
    training('training on it', 't.dataset_id = $1'),
    version('trained on it', 'v.dataset_id = $1'),
    compression('measuring on it', 'c.dataset_id = $1'),
    evaluation('measuring on it', 'e.dataset_id = $1'),
  ],
  model: [version('of it', 'v.model_id = $1'), training('making versions of it', 't.model_id = $1')],
  version: [
    version('distilled from it', 'v.teacher_version_id = $1'),
    training('distilling from it', 't.teacher_version_id = $1'),
    compression('compressing it', 'c.version_id = $1'),
    evaluation('measuring it', 'e.version_id = $1'),
    artifact('built from it', 'a.version_id = $1'),
    rollout('rolling it out, now or before', 'r.version_id = $1'),
  ],
  recipe: [compression('following it', 'c.recipe_id = $1')],
  training: [version('made by it', 'v.training_id = $1')],
  compression: [artifact('made by it', 'a.compression_id = $1')],
  evaluation: [],
  artifact: [
    {
      kind: 'release',
      why: 'listing it',
      sql: `SELECT r.id, r.name FROM release_artifacts ra JOIN releases r ON r.id = ra.release_id WHERE ra.artifact_id = $1`,
    },
    {
      kind: 'target',
      why: 'of the signed metadata, listing it: withdraw it first',
      sql: `SELECT a.target_path AS id, a.target_path AS name FROM artifacts a, ${listedTargets}
        WHERE a.id = $1 AND t.listed ? a.target_path`,
    },
    rollout(
      'not over and using it, or going back to it',
      `${notOver} AND EXISTS (SELECT FROM rollout_devices rd
        WHERE rd.rollout_id = r.id AND (rd.artifact_id = $1 OR rd.previous_artifact_id = $1))`,
    ),
    device(
      'told to run it, or running it',
      `d.desired_artifact_id = $1
        OR EXISTS (SELECT FROM artifacts a WHERE a.id = $1 AND a.project_id = d.project_id AND ${runs})`,
    ),
  ],
  release: [
    rollout('rolling it out, now or before', 'r.release_id = $1'),
    {
      kind: 'target',
      why: 'of the signed metadata, listing its artifacts: withdraw them first',
      sql: `SELECT a.target_path AS id, a.target_path AS name FROM ${onlyIn}, ${listedTargets}
        WHERE own.release_id = $1 AND t.listed ? a.target_path`,
    },
    device(
      'told to run an artifact of it, or running one',
      `EXISTS (SELECT FROM ${onlyIn} WHERE own.release_id = $1 AND a.project_id = d.project_id
        AND (d.desired_artifact_id = a.id OR ${runs}))`,
    ),
  ],
  rollout: [],
  group: [
    device('in it', 'd.group_id = $1'),
    rollout('of it', 'r.group_id = $1'),
    {
      kind: 'enrollment-token',
      why: 'enrolling into it',
      sql: `SELECT e.id, coalesce(nullif(e.name, ''), e.device_class) AS name FROM enrollment_tokens e
        WHERE e.group_id = $1 AND e.revoked_at IS NULL AND e.expires_at > now() AND e.uses < e.max_uses`,
    },
  ],
  device: [],
};

/** What a project has in it: without it, it is empty. Members and API tokens go with a project, and hold nothing. */
export const inProject: readonly Hold[] = [
  { kind: 'dataset', why: 'in it', sql: 'SELECT id, name FROM datasets WHERE project_id = $1' },
  { kind: 'model', why: 'in it', sql: 'SELECT id, name FROM models WHERE project_id = $1' },
  version('in it', 'v.project_id = $1'),
  { kind: 'recipe', why: 'in it', sql: 'SELECT id, name FROM recipes WHERE project_id = $1' },
  training('in it', 'm.project_id = $1'),
  compression('in it', 'v.project_id = $1'),
  evaluation('in it', 'v.project_id = $1'),
  artifact('in it', 'a.project_id = $1'),
  { kind: 'release', why: 'in it', sql: 'SELECT id, name FROM releases WHERE project_id = $1' },
  rollout('in it', 'r.project_id = $1'),
  { kind: 'group', why: 'in it', sql: 'SELECT id, name FROM groups WHERE project_id = $1' },
  device('in it', 'd.project_id = $1'),
  {
    kind: 'enrollment-token',
    why: 'enrolling into it',
    sql: `SELECT e.id, coalesce(nullif(e.name, ''), e.device_class) AS name FROM enrollment_tokens e
      WHERE e.project_id = $1 AND e.revoked_at IS NULL AND e.expires_at > now() AND e.uses < e.max_uses`,
  },
];
