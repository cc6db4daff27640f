/** Which rows are left of a thing that was deleted, in the order in which they go. A row of this table is a statement. */

export const ROWS_AT_A_TIME = 2000;

export type RemovalKind = 'device' | 'group';

export interface RemovalStep {
  /** What is being deleted, in words: what is shown meanwhile. */
  readonly stage: string;
  /** While it answers a row, the step waits for somebody else. $1 is the identifier of what was deleted. */
  readonly after?: string;
  /** Changes at most ROWS_AT_A_TIME rows; it is asked again until there are none. $1 as above. */
  readonly sql: string;
}

const batch = (table: string, where: string): string =>
  `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${ROWS_AT_A_TIME}))`;

/** What has arrived counts for the project and the group, so it is folded before the device's own sums go. */
const folded = (column: string): string => `SELECT FROM telemetry_pending WHERE ${column} = $1 LIMIT 1`;

export const removalSteps: Readonly<Record<RemovalKind, readonly RemovalStep[]>> = {
  device: [
    { stage: 'telemetry records', sql: batch('telemetry_records', 'device_id = $1') },
    { stage: 'sums of telemetry', after: folded('device_id'), sql: batch('telemetry_rollups', 'scope_id = $1') },
    { stage: 'telemetry by arrival', sql: batch('telemetry_arrivals', 'device_id = $1') },
  ],
  group: [{ stage: 'sums of telemetry', after: folded('group_id'), sql: batch('telemetry_rollups', 'scope_id = $1') }],
};
