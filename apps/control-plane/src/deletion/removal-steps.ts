/** Which rows are left of a thing that was deleted, in the order in which they go. A row of this table is a statement. */

export const ROWS_AT_A_TIME = 2000;

export type RemovalKind = 'device' | 'group' | 'project';

export interface RemovalStep {
  /** What is being deleted, in words: what is shown meanwhile. */
  readonly stage: string;
  /** While it answers a row, the step waits for somebody else. $1 is the identifier of what was deleted. */
  readonly after?: string;
  /** Changes at most ROWS_AT_A_TIME rows, beside those that go with them; asked again until there are none. $1 as above. */
  readonly sql: string;
}

const batch = (table: string, where: string, most = ROWS_AT_A_TIME): string =>
  `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${most}))`;

/** What has arrived counts for the project and the group, so it is folded before the device's own sums go. */
const folded = (column: string): string => `SELECT FROM telemetry_pending WHERE ${column} = $1 LIMIT 1`;

/** Devices that the project has, or had. */
const everyDevice = `(SELECT id FROM devices WHERE project_id = $1
  UNION SELECT device_id FROM telemetry_devices WHERE project_id = $1)`;
const ofProject = (stage: string, table: string, most?: number): RemovalStep => ({
  stage,
  sql: batch(table, 'project_id = $1', most),
});
/** Rows with many that go with them. */
const FEW = 20;

/** Workers are given some time to be told of the cancellation; then their work goes all the same, and its result is for nobody. */
const cancelled = `SELECT FROM jobs j JOIN removals r ON r.subject_id = j.project_id
  WHERE j.project_id = $1 AND j.state IN ('queued', 'running', 'cancelling') AND r.created_at > now() - interval '10 minutes'
  LIMIT 1`;

/** From what was made last to what it was made from, as the foreign keys want it. */
const project: readonly RemovalStep[] = [
  ofProject('telemetry that has just come', 'telemetry_pending'),
  { stage: 'telemetry records', sql: batch('telemetry_records', `device_id IN ${everyDevice}`) },
  { stage: 'telemetry by arrival', sql: batch('telemetry_arrivals', `device_id IN ${everyDevice}`) },
  { stage: 'sums of devices', sql: batch('telemetry_rollups', `scope_id IN ${everyDevice}`) },
  {
    stage: 'sums of groups',
    sql: batch('telemetry_rollups', 'scope_id IN (SELECT id FROM groups WHERE project_id = $1)'),
  },
  { stage: 'sums of the project', sql: batch('telemetry_rollups', 'scope_id = $1') },
  ofProject('quarantined telemetry', 'quarantined_records'),
  ofProject('rollouts', 'rollouts', FEW),
  ofProject('devices', 'devices', FEW),
  ofProject('numbers of devices', 'telemetry_devices'),
  ofProject('enrolment tokens', 'enrollment_tokens'),
  ofProject('groups', 'groups'),
  ofProject('releases', 'releases', FEW),
  ofProject('signed metadata', 'release_metadata'),
  ofProject('packed files', 'packings'),
  ofProject('artifacts', 'artifacts'),
  {
    // Versions and trainings refer to each other in turns: a student to its training, that to its teacher.
    stage: 'lineage',
    sql: `UPDATE versions SET training_id = NULL, teacher_version_id = NULL, dataset_id = NULL
      WHERE id IN (SELECT id FROM versions WHERE project_id = $1 AND (training_id IS NOT NULL
        OR teacher_version_id IS NOT NULL OR dataset_id IS NOT NULL) LIMIT ${ROWS_AT_A_TIME})`,
  },
  { stage: 'work', after: cancelled, sql: batch('jobs', 'project_id = $1', FEW * FEW) },
  ofProject('versions', 'versions'),
  ofProject('models', 'models'),
  ofProject('recipes', 'recipes'),
  ofProject('data sets', 'datasets', FEW),
  ofProject('references to blobs', 'blob_references'),
  { stage: 'the project itself', sql: 'DELETE FROM projects WHERE id = $1' },
];

export const removalSteps: Readonly<Record<RemovalKind, readonly RemovalStep[]>> = {
  device: [
    { stage: 'telemetry records', sql: batch('telemetry_records', 'device_id = $1') },
    { stage: 'sums of telemetry', after: folded('device_id'), sql: batch('telemetry_rollups', 'scope_id = $1') },
    { stage: 'telemetry by arrival', sql: batch('telemetry_arrivals', 'device_id = $1') },
  ],
  group: [{ stage: 'sums of telemetry', after: folded('group_id'), sql: batch('telemetry_rollups', 'scope_id = $1') }],
  project,
};
