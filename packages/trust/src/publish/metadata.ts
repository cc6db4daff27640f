import { createHash } from 'node:crypto';
import { Metadata, MetadataKind } from '@tufjs/models';
import type { Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { reasonOf, TrustError } from '../errors.js';
import type { CanonicalValue } from './canonical-json.js';
import { canonicalize } from './canonical-json.js';
import type { SigningKey, TufKey } from './keys.js';
import type { Withdrawal } from '../withdrawal.js';
import type { Role, Target } from './roles.js';
import { specVersion } from './roles.js';

type Json = { [key: string]: CanonicalValue };

/** The part of a metadata file that is signed. */
export interface Signed extends Json {
  _type: Role;
  spec_version: string;
  version: number;
  expires: string;
}

interface Signature {
  keyid: string;
  sig: string;
}

export function signedRoot(options: {
  version: number;
  expires: string;
  keys: Record<Role, readonly TufKey[]>;
  thresholds: Record<Role, number>;
}): Signed {
  const keys: Json = {};
  const roleMap: Json = {};
  for (const role of ['root', 'targets', 'snapshot', 'timestamp'] as const) {
    for (const { keyid, ...key } of options.keys[role]) keys[keyid] = key;
    roleMap[role] = { keyids: options.keys[role].map((key) => key.keyid), threshold: options.thresholds[role] };
  }
  return {
    _type: 'root',
    spec_version: specVersion,
    version: options.version,
    expires: options.expires,
    consistent_snapshot: true,
    keys,
    roles: roleMap,
  };
}

export function signedTargets(options: {
  version: number;
  expires: string;
  targets: readonly Target[];
  withdrawn?: readonly Withdrawal[];
}): Signed {
  const { version, expires, withdrawn = [] } = options;
  const targets: Json = {};
  for (const target of [...options.targets].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    targets[target.path] = {
      length: target.length,
      hashes: { sha256: target.sha256 },
      ...(target.custom === undefined ? {} : { custom: target.custom }),
    };
  }
  const signed: Signed = { _type: 'targets', spec_version: specVersion, version, expires, targets };
  if (withdrawn.length === 0) return signed;
  const records = [...withdrawn]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, sha256, reason, withdrawnAt }) => ({ path, sha256, reason, withdrawnAt }));
  return { ...signed, custom: { withdrawn: records } };
}

/** Snapshot and timestamp pin length and hash besides the version: the same version cannot have two contents. */
function pinned(version: number, bytes: Uint8Array): Json {
  return { version, length: bytes.length, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } };
}

export function signedSnapshot(options: {
  version: number;
  expires: string;
  targetsVersion: number;
  targets: Uint8Array;
}): Signed {
  const meta = { 'targets.json': pinned(options.targetsVersion, options.targets) };
  return { _type: 'snapshot', spec_version: specVersion, version: options.version, expires: options.expires, meta };
}

export function signedTimestamp(options: {
  version: number;
  expires: string;
  snapshotVersion: number;
  snapshot: Uint8Array;
}): Signed {
  const meta = { 'snapshot.json': pinned(options.snapshotVersion, options.snapshot) };
  return { _type: 'timestamp', spec_version: specVersion, version: options.version, expires: options.expires, meta };
}

/** A metadata file with a signature of each key. The file is plain JSON; what is signed is its canonical form. */
export function signMetadata(signed: Signed, keys: readonly SigningKey[]): Uint8Array {
  return fileOf(
    signed,
    keys.map((key) => signatureOf(signed, key)),
  );
}

/** Adds signatures to a file that others have signed; a key that signed before signs anew. */
export function addSignatures(file: Uint8Array, keys: readonly SigningKey[]): Uint8Array {
  const { signed, signatures } = parseFile(file);
  const fresh = keys.map((key) => signatureOf(signed, key));
  const kept = signatures.filter((old) => !fresh.some((added) => added.keyid === old.keyid));
  return fileOf(signed, [...kept, ...fresh]);
}

function signatureOf(signed: Signed, key: SigningKey): Signature {
  return { keyid: key.keyid, sig: Buffer.from(key.sign(canonicalize(signed))).toString('hex') };
}

function fileOf(signed: Signed, signatures: readonly Signature[]): Uint8Array {
  const ordered = [...signatures].sort((a, b) => (a.keyid < b.keyid ? -1 : 1));
  return new TextEncoder().encode(`${JSON.stringify({ signatures: ordered, signed }, null, 1)}\n`);
}

function parseFile(file: Uint8Array): { signed: Signed; signatures: Signature[] } {
  return parsed('metadata', () => {
    const content = JSON.parse(decode(file)) as { signed: Signed; signatures: Signature[] };
    // The models check the shape of everything that is used afterwards.
    parsers[content.signed._type](file);
    return content;
  });
}

export const parseRoot = (file: Uint8Array): Metadata<Root> =>
  parsed('root', () => Metadata.fromJSON(MetadataKind.Root, JSON.parse(decode(file))));
export const parseTargets = (file: Uint8Array): Metadata<Targets> =>
  parsed('targets', () => Metadata.fromJSON(MetadataKind.Targets, JSON.parse(decode(file))));
export const parseSnapshot = (file: Uint8Array): Metadata<Snapshot> =>
  parsed('snapshot', () => Metadata.fromJSON(MetadataKind.Snapshot, JSON.parse(decode(file))));
export const parseTimestamp = (file: Uint8Array): Metadata<Timestamp> =>
  parsed('timestamp', () => Metadata.fromJSON(MetadataKind.Timestamp, JSON.parse(decode(file))));

const parsers = { root: parseRoot, targets: parseTargets, snapshot: parseSnapshot, timestamp: parseTimestamp };

function decode(file: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(file);
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw new TrustError('repository-invalid', `${what}: ${reasonOf(error)}`, { cause: error });
  }
}
