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
  /** Jobs wait, and no worker listens. */
  'NO_WORKER',
] as const;

export const Alarm = z
  .object({
    code: z.enum(alarmCodes),
    subject: z.string().describe('what it is about: a role, a target path, a number of devices'),
    expiresAt: Instant.nullable().describe('when it breaks, or broke; null where there is no such moment'),
    message: z.string(),
  })
  .meta({ id: 'Alarm' });
export type Alarm = z.infer<typeof Alarm>;
