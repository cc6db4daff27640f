/** Who this device is: its key, its certificate and the roots that it trusts, in one file that is replaced as a whole. */
import { z } from 'zod';
import { Slug } from '@verge/contracts';
import { readIfPresent, writeAtomic } from './atomic-file.js';
import { AgentError } from './errors.js';

export const Identity = z.strictObject({
  version: z.literal(1),
  deviceId: z.string().min(1),
  projectId: z.string().min(1),
  name: z.string(),
  deviceClass: Slug,
  /** host:port of the Device service. */
  endpoint: z.string().min(1),
  /** host:port of the Enrollment service; absent in the files of before, until the next renewal. */
  enrollmentEndpoint: z.string().min(1).optional(),
  privateKeyPem: z.string(),
  certificateChainPem: z.string(),
  authorityPem: z.string(),
  /** First root.json of each repository, base64; they count until newer ones have been verified. */
  directorRoot: z.base64(),
  releaseRoot: z.base64(),
  /** sha256 of the token that the device enrolled with: the same bundle again is no second enrolment. */
  tokenSha256: z.string(),
  enrolledAt: z.iso.datetime(),
});
export type Identity = z.infer<typeof Identity>;

export function saveIdentity(path: string, identity: Identity): Promise<void> {
  return writeAtomic(path, `${JSON.stringify(identity, null, 2)}\n`, 0o600);
}

/** @throws AgentError `STATE_DAMAGED` */
export async function findIdentity(path: string): Promise<Identity | null> {
  const bytes = await readIfPresent(path);
  if (!bytes) return null;
  try {
    return Identity.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    // The cause may quote the file, which holds the private key: only the fields are named.
    const fields =
      error instanceof z.ZodError ? error.issues.map((issue) => issue.path.join('.')).join(', ') : 'not JSON';
    throw new AgentError('STATE_DAMAGED', `${path} cannot be read (${fields}); enrol again with another directory`);
  }
}

/** @throws AgentError `NOT_ENROLLED`, `STATE_DAMAGED` */
export async function loadIdentity(path: string): Promise<Identity> {
  const identity = await findIdentity(path);
  if (!identity) {
    throw new AgentError('NOT_ENROLLED', `${path} is not there; run 'verge-agent enroll --bundle FILE' first`);
  }
  return identity;
}
