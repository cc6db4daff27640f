/** What one telemetry record may hold. A record beyond the first five is refused, one beyond the others is set aside. */
export const telemetryLimits = {
  recordsPerBatch: 1000,
  classesPerRecord: 4096,
  featuresPerRecord: 64,
  sketchBytes: 36_000,
  featureNameLength: 128,
  /** Length of a record's window, and of a single request. */
  windowSeconds: 86_400,
  /** Samples that one request may carry as a batch. */
  samplesPerRequest: 65_536,
  /** Magnitude of a feature's values. */
  featureMagnitude: 1e100,
} as const;
