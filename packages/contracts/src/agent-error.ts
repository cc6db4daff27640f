/** Why a device refused or could not carry out an update, as it reports it to the control plane. */
export const agentErrorCodes = [
  /** The release or director repository failed verification, or the two disagree. */
  'METADATA_REFUSED',
  'TARGET_NOT_SIGNED',
  /** People took it back, in release metadata that the device has seen. */
  'TARGET_WITHDRAWN',
  /** Content did not match its signed digest or length. */
  'DIGEST_MISMATCH',
  'MANIFEST_INVALID',
  'DEVICE_CLASS_MISMATCH',
  'DOWNLOAD_FAILED',
  'DISK_FULL',
  'MODEL_REFUSED',
  'SELF_TEST_FAILED',
  'ACTIVATION_FAILED',
  'INTERNAL',
] as const;
export type AgentErrorCode = (typeof agentErrorCodes)[number];
