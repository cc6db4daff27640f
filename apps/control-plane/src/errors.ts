/** Why the control plane could not start, or lost something it stands on. What a caller did wrong is a `ProblemError`. */
export type ControlPlaneErrorCode =
  | 'CONFIG_INVALID'
  | 'DATABASE_START_FAILED'
  | 'DATABASE_IN_USE'
  | 'DATABASE_UNREACHABLE'
  | 'QUEUE_UNREACHABLE'
  | 'MIGRATION_FAILED'
  | 'SCHEMA_DRIFT'
  | 'PORT_TAKEN'
  | 'BACKUP_INVALID'
  | 'RESTORE_REFUSED';

export class ControlPlaneError extends Error {
  override readonly name = 'ControlPlaneError';
  constructor(
    readonly code: ControlPlaneErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
