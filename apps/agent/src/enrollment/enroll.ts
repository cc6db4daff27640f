/**
 * Enrolment: the key is made here and never leaves; the control plane signs its certificate. The key is on disk before the
 * request goes out, so after a lost reply the same key asks again and gets the same device.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import { EnrollmentClient, type EnrollReplyReceived, type EnrollRequest } from '@verge/contracts/grpc';
import { checkDeviceCertificate, createDeviceRequest } from '@verge/trust/identity';
import { RepositoryClient } from '@verge/trust/verify';
import { z } from 'zod';
import { readIfPresent, writeAtomic } from '../atomic-file.js';
import { AgentError, reasonOf } from '../errors.js';
import { findIdentity, saveIdentity, type Identity } from '../identity.js';
import type { Layout } from '../layout.js';
import { Lock } from '../lock.js';
import type { ReadBundle } from './bundle.js';
import { derOf, publicKeysMatch } from './pem.js';

const Enrolling = z.strictObject({
  version: z.literal(1),
  tokenSha256: z.string(),
  privateKeyPem: z.string(),
  csrPem: z.string(),
});
type Enrolling = z.infer<typeof Enrolling>;

export interface EnrollOptions {
  layout: Layout;
  source: ReadBundle;
  name?: string | undefined;
  facts: Record<string, string>;
  timeoutMs?: number;
}

/**
 * @returns the identity, and whether it was there already
 * @throws AgentError `ALREADY_ENROLLED`, `ENROLLMENT_REFUSED`, `CONTROL_PLANE_UNREACHABLE`, `BUNDLE_INVALID`, `STATE_DAMAGED`
 */
export async function enroll(options: EnrollOptions): Promise<{ identity: Identity; fresh: boolean }> {
  const { layout, source } = options;
  const { bundle } = source;
  const tokenSha256 = createHash('sha256').update(bundle.token).digest('hex');
  const again = bundle.deviceId !== undefined;
  // A damaged identity is what a device may enrol again for.
  const present = await findIdentity(layout.identity).catch((error: unknown) => {
    if (again && error instanceof AgentError && error.code === 'STATE_DAMAGED') return null;
    throw error;
  });
  if (present?.tokenSha256 === tokenSha256) return { identity: present, fresh: false };
  if (present && present.deviceId !== bundle.deviceId) {
    throw new AgentError(
      'ALREADY_ENROLLED',
      `${layout.dir} belongs to device ${present.deviceId} (${present.name}) already; give another --dir`,
    );
  }
  const [problem] = await layout.prepare();
  if (problem !== undefined) throw new AgentError('STATE_DAMAGED', `${layout.dir} cannot be used: ${problem}`);
  // A running agent would write its old identity over the new one.
  const lock = await Lock.take(layout.lock);
  try {
    return { identity: await enrollHere(options, present, tokenSha256), fresh: true };
  } finally {
    await lock.release();
  }
}

/** The folder stays what it is: slots, spool and the metadata seen, also when the device enrols again. */
async function enrollHere(options: EnrollOptions, present: Identity | null, tokenSha256: string): Promise<Identity> {
  const { layout, source } = options;
  const { bundle, releaseRoot } = source;
  await trustRoot(layout, 'release', releaseRoot);
  const { privateKeyPem, csrPem } = present
    ? await createDeviceRequest({ commonName: present.deviceId, privateKeyPem: present.privateKeyPem })
    : await enrollingKey(layout, tokenSha256);
  const reply = await ask(source, options.timeoutMs ?? 20_000, {
    token: bundle.token,
    csrDer: derOf(csrPem),
    name: options.name ?? '',
    deviceClass: bundle.deviceClass,
    facts: options.facts,
  });
  const identity = await checkReply(reply, { source, privateKeyPem, tokenSha256 });
  await trustRoot(layout, 'director', reply.directorRoot);
  await saveIdentity(layout.identity, identity);
  await rm(layout.enrolling, { force: true });
  return identity;
}

/** The key of an interrupted enrolment with the same token, else a fresh one that is on disk first. */
async function enrollingKey(layout: Layout, tokenSha256: string): Promise<Enrolling> {
  const stored = await readIfPresent(layout.enrolling);
  const parsed = stored ? Enrolling.safeParse(safeJson(stored)) : null;
  if (parsed?.success && parsed.data.tokenSha256 === tokenSha256) return parsed.data;
  const request = await createDeviceRequest({ commonName: 'verge-device' });
  const enrolling: Enrolling = { version: 1, tokenSha256, ...request };
  await writeAtomic(layout.enrolling, JSON.stringify(enrolling), 0o600);
  return enrolling;
}

function ask({ bundle }: ReadBundle, timeoutMs: number, request: EnrollRequest): Promise<EnrollReplyReceived> {
  // Server-authenticated TLS that trusts the authority of the bundle alone.
  const client = new EnrollmentClient(bundle.endpoint, credentials.createSsl(Buffer.from(bundle.authorityPem)), {
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 1000,
  });
  return new Promise((resolve, reject) => {
    client.enroll(request, { deadline: Date.now() + timeoutMs }, (error, reply) => {
      client.close();
      if (error) reject(refusal(bundle.endpoint, error));
      else if (reply) resolve(reply);
      else reject(new AgentError('ENROLLMENT_REFUSED', 'the control plane answered nothing'));
    });
  });
}

function refusal(endpoint: string, error: ServiceError): AgentError {
  if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED) {
    const hint =
      'Is the address reachable from here, and does the bundle come from this control plane? Nothing was lost:';
    return new AgentError(
      'CONTROL_PLANE_UNREACHABLE',
      `${endpoint} did not answer (${error.details}). ${hint} the same command can be run again.`,
      { cause: error },
    );
  }
  return new AgentError('ENROLLMENT_REFUSED', `${endpoint} refused: ${error.details}`, { cause: error });
}

/** The certificate must be for our key and from the authority that it came with. */
async function checkReply(
  reply: EnrollReplyReceived,
  from: { source: ReadBundle; privateKeyPem: string; tokenSha256: string },
): Promise<Identity> {
  const named = await checkDeviceCertificate({
    certificate: reply.certificateChainPem,
    authorityPem: reply.authorityPem,
  }).catch((error: unknown) => {
    throw new AgentError('ENROLLMENT_REFUSED', `the certificate received is unusable: ${reasonOf(error)}`, {
      cause: error,
    });
  });
  if (!publicKeysMatch(reply.certificateChainPem, from.privateKeyPem)) {
    throw new AgentError('ENROLLMENT_REFUSED', 'the certificate received is for another key');
  }
  const { deviceId = reply.deviceId, endpoint } = from.source.bundle;
  if (named.deviceId !== reply.deviceId || named.deviceId !== deviceId) {
    throw new AgentError('ENROLLMENT_REFUSED', 'the certificate received names another device than was asked for');
  }
  return {
    version: 1,
    deviceId: reply.deviceId,
    projectId: reply.projectId,
    name: reply.name,
    deviceClass: from.source.bundle.deviceClass,
    endpoint: reply.deviceEndpoint,
    enrollmentEndpoint: endpoint,
    privateKeyPem: from.privateKeyPem,
    certificateChainPem: reply.certificateChainPem,
    authorityPem: reply.authorityPem,
    directorRoot: Buffer.from(reply.directorRoot).toString('base64'),
    releaseRoot: from.source.releaseRoot.toString('base64'),
    tokenSha256: from.tokenSha256,
    enrolledAt: new Date().toISOString(),
  };
}

/** Makes a root the first thing believed of a repository; a bad one is refused now, not at the first update. */
async function trustRoot(layout: Layout, repository: 'release' | 'director', root: Uint8Array): Promise<void> {
  const none = (): Promise<null> => Promise.resolve(null);
  try {
    await RepositoryClient.open({ dir: layout.metadata(repository), trustedRoot: root, fetch: none });
  } catch (error) {
    const code = repository === 'release' ? 'BUNDLE_INVALID' : 'ENROLLMENT_REFUSED';
    throw new AgentError(code, `the root of the ${repository} repository is unusable: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function safeJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
