/** What a person should look at before it breaks. */
import { z } from 'zod';
import { Instant } from '../identifiers.js';

export const alarmCodes = [
  /** A role of the release repository; devices install nothing new once it has expired. */
  'RELEASE_METADATA_EXPIRES',
  'DIRECTOR_ROOT_EXPIRES',
  'AUTHORITY_EXPIRES',
  'SERVER_CERTIFICATE_EXPIRES',
  /** Devices that have not renewed their certificates in time. */
  'DEVICE_CERTIFICATES_EXPIRE',
  /** Devices run a version that people took back. */
  'WITHDRAWN_RUNS',
] as const;

export const Alarm = z.object({
  code: z.enum(alarmCodes),
  /** What it is about: a role, a target path, a number of devices. */
  subject: z.string(),
  /** When it breaks, or broke; null where there is no such moment. */
  expiresAt: Instant.nullable(),
  message: z.string(),
});
export type Alarm = z.infer<typeof Alarm>;
