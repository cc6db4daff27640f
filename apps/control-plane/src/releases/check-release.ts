/** Whether uploaded TUF metadata may be published: what a device would say, and what the release promises. */
import type { FieldError } from '@verge/contracts';
import { repositoryStatus } from '@verge/trust/publish';
import type { MetadataFiles, RepositoryVersions, VerifiedTarget, Withdrawal } from '@verge/trust/verify';
import { TrustError, verifyRepository } from '@verge/trust/verify';

export interface ReleasedArtifact {
  readonly id: string;
  readonly targetPath: string;
  readonly manifestDigest: string;
  readonly manifestBytes: number;
}

export interface ReleaseCandidate {
  /** Everything that is published now; empty before the first release. */
  readonly published: MetadataFiles;
  readonly uploaded: MetadataFiles;
  readonly artifacts: readonly ReleasedArtifact[];
}

export type ReleaseVerdict =
  | {
      readonly ok: true;
      readonly files: MetadataFiles;
      readonly targetsVersion: number;
      readonly versions: RepositoryVersions;
      readonly withdrawn: readonly Withdrawal[];
    }
  | { readonly ok: false; readonly detail: string; readonly errors: readonly FieldError[] };

/**
 * The first root ever published is believed (trust on first use): the control plane decides nothing by it, since
 * devices have their root from their operator. From then on every root must follow from the one before.
 */
export async function checkRelease({ published, uploaded, artifacts }: ReleaseCandidate): Promise<ReleaseVerdict> {
  const replaced = replacedFiles(published, uploaded);
  if (replaced.length > 0) return { ok: false, detail: 'published metadata does not change', errors: replaced };
  const files: MetadataFiles = new Map([...published, ...uploaded]);
  const trustedRoot = oldestRoot(published) ?? oldestRoot(uploaded);
  if (trustedRoot === undefined) {
    const errors = [{ field: '/metadata', detail: 'expected 1.root.json with the first release' }];
    return { ok: false, detail: 'there is no root metadata', errors };
  }
  try {
    const seen = published.size > 0 ? { published } : {};
    const { versions, targets, withdrawn } = await verifyRepository({ trustedRoot, files, ...seen });
    const errors = [
      ...unreachedFiles(uploaded, versions),
      ...historyErrors({ published, uploaded, versions, targets, withdrawn }),
      ...targetErrors(artifacts, targets),
    ];
    if (errors.length > 0) return { ok: false, detail: 'the metadata does not follow from what is published', errors };
    const verified = verifiedFiles(uploaded, versions);
    return { ok: true, files: verified, targetsVersion: versions.targets, versions, withdrawn };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const errors = [{ field: '/metadata', detail: `${error.code}: ${error.message}` }];
    return { ok: false, detail: error.message, errors };
  }
}

const versioned = /^(\d+)\.(root|targets|snapshot)\.json$/;

/** A root after a gap, or a targets file that no snapshot leads to yet: nobody has looked at it, so it is refused. */
function unreachedFiles(uploaded: MetadataFiles, versions: RepositoryVersions): FieldError[] {
  return [...uploaded.keys()].flatMap((name) => {
    const [, number, role] = versioned.exec(name) ?? [];
    if (role === undefined) return [];
    const newest = versions[role as 'root' | 'targets' | 'snapshot'];
    if (Number(number) <= newest) return [];
    const detail =
      role === 'root'
        ? `${name}: expected ${newest + 1}.root.json before it (TUF 5.3.3: roots follow one another)`
        : `${name}: the timestamp leads to version ${newest} of ${role}`;
    return [{ field: '/metadata', detail }];
  });
}

/** What was verified. A version between the published one and the newest was signed, and overtaken before it was published. */
function verifiedFiles(uploaded: MetadataFiles, versions: RepositoryVersions): MetadataFiles {
  const isVerified = (name: string): boolean => {
    const [, number, role] = versioned.exec(name) ?? [];
    return role === undefined || role === 'root' || Number(number) === versions[role as 'targets' | 'snapshot'];
  };
  return new Map([...uploaded].filter(([name]) => isVerified(name)));
}

/** A version has one content for ever; only timestamp.json, which has no version in its name, is replaced. */
function replacedFiles(published: MetadataFiles, uploaded: MetadataFiles): FieldError[] {
  return [...uploaded].flatMap(([name, content]) => {
    const old = published.get(name);
    if (name === 'timestamp.json' || old === undefined || Buffer.compare(old, content) === 0) return [];
    return [{ field: '/metadata', detail: `${name} was published with other content` }];
  });
}

function oldestRoot(files: MetadataFiles): Uint8Array | undefined {
  const versions = [...files.keys()].flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.[1] ?? []).map(Number);
  return versions.length === 0 ? undefined : files.get(`${Math.min(...versions)}.root.json`);
}

interface Step {
  readonly published: MetadataFiles;
  readonly uploaded: MetadataFiles;
  readonly versions: RepositoryVersions;
  readonly targets: readonly VerifiedTarget[];
  readonly withdrawn: readonly Withdrawal[];
}

/** What was published once cannot be unsaid, also when it has expired meanwhile and a client would let it go. */
function historyErrors({ published, uploaded, versions, targets, withdrawn }: Step): FieldError[] {
  if (!published.has('timestamp.json')) return [];
  const before = repositoryStatus(published);
  const bad: string[] = [];
  for (const { role, version } of before.roles) {
    const least = role === 'timestamp' && uploaded.has('timestamp.json') ? version + 1 : version;
    if (versions[role] >= least) continue;
    const name = role === 'timestamp' ? 'timestamp.json' : `${versions[role]}.${role}.json`;
    bad.push(`${name}: expected a version after ${least - 1}, got ${versions[role]}`);
  }
  if ([...uploaded.keys()].every((name) => published.has(name) && name !== 'timestamp.json')) {
    bad.push('expected at least one file that is not published');
  }
  const gone = new Set(withdrawn.map(({ sha256 }) => sha256));
  for (const { path, sha256 } of before.withdrawn) {
    if (!gone.has(sha256)) bad.push(`targets.json: ${path} was withdrawn, and the record of it is missing`);
  }
  const listed = new Set(targets.map(({ path }) => path));
  for (const { path, sha256 } of before.targets) {
    if (!listed.has(path) && !gone.has(sha256)) {
      bad.push(`targets.json: ${path} is no longer listed; withdraw it, so that devices know`);
    }
  }
  for (const { path, hashes } of targets) {
    if (gone.has(hashes['sha256'] ?? '')) bad.push(`targets.json: ${path} is listed and withdrawn`);
  }
  return bad.map((detail) => ({ field: '/metadata', detail }));
}

function targetErrors(
  artifacts: readonly ReleasedArtifact[],
  targets: readonly { path: string; length: number; hashes: Record<string, string> }[],
): FieldError[] {
  const listed = new Map(targets.map((target) => [target.path, target]));
  return artifacts.flatMap((artifact, index) => {
    const { targetPath, manifestBytes, manifestDigest } = artifact;
    const target = listed.get(targetPath);
    const field = `/artifacts/${index}`;
    if (target === undefined) return [{ field, detail: `targets.json does not list ${targetPath}` }];
    const bad: FieldError[] = [];
    if (target.length !== manifestBytes) {
      bad.push({ field, detail: `${targetPath}: expected length ${manifestBytes}, got ${target.length}` });
    }
    const sha256 = target.hashes['sha256'];
    if (`sha256:${sha256}` !== manifestDigest) {
      bad.push({ field, detail: `${targetPath}: expected ${manifestDigest}, got sha256:${sha256 ?? ' none'}` });
    }
    return bad;
  });
}
