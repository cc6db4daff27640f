/** Who this device is: its key, its certificate and the roots that it trusts, in one file that is replaced as a whole. */
import { z } from 'zod';
import { Slug } from '@verge/contracts';
import { AgentError } from './errors.js';
import { loadDocument, saveDocument, type Generation } from './generations.js';

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

/** Both generations are this identity: an older key is of no use, and without any the device must enrol again. */
export async function saveIdentity(path: string, identity: Identity): Promise<void> {
  await saveDocument(path, identity);
  await saveDocument(path, identity);
}

function parseIdentity(content: unknown): Identity {
  const parsed = Identity.safeParse(content);
  if (parsed.success) return parsed.data;
  // Only the fields are named: the file holds the private key.
  throw new AgentError('STATE_DAMAGED', parsed.error.issues.map((issue) => issue.path.join('.')).join(', '));
}

/** The identity, of the generation before when the newest is damaged, and what is wrong with it. */
export function readIdentity(path: string): Promise<Generation<Identity>> {
  return loadDocument(path, parseIdentity);
}

/** @throws AgentError `STATE_DAMAGED` */
export async function findIdentity(path: string): Promise<Identity | null> {
  const { value, problem } = await readIdentity(path);
  if (value === null && problem !== null) {
    throw new AgentError('STATE_DAMAGED', `${problem}; enrol again with another directory`);
  }
  return value;
}

/** @throws AgentError `NOT_ENROLLED`, `STATE_DAMAGED` */
export async function loadIdentity(path: string): Promise<Identity> {
  const identity = await findIdentity(path);
  if (!identity) {
    throw new AgentError('NOT_ENROLLED', `${path} is not there; run 'verge-agent enroll --bundle FILE' first`);
  }
  return identity;
}
