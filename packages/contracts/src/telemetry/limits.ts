/** What one telemetry record may hold; a record beyond it is refused whole, never trimmed. */
export const telemetryLimits = {
  recordsPerBatch: 1000,
  classesPerRecord: 4096,
  featuresPerRecord: 64,
  sketchBytes: 36_000,
  featureNameLength: 128,
} as const;
