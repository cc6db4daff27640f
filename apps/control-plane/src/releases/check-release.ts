/** Whether uploaded TUF metadata may be published: what a device would say, and what the release promises. */
import type { FieldError } from '@verge/contracts';
import type { MetadataFiles } from '@verge/trust/verify';
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
  | { readonly ok: true; readonly files: MetadataFiles; readonly targetsVersion: number }
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
    const { versions, targets } = await verifyRepository({ trustedRoot, files, ...seen });
    const errors = [...versionErrors(published, versions), ...targetErrors(artifacts, targets)];
    if (errors.length > 0) return { ok: false, detail: 'the metadata does not release the artifacts', errors };
    return { ok: true, files: uploaded, targetsVersion: versions.targets };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const errors = [{ field: '/metadata', detail: `${error.code}: ${error.message}` }];
    return { ok: false, detail: error.message, errors };
  }
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

function versionErrors(published: MetadataFiles, versions: { timestamp: number }): FieldError[] {
  const old = published.get('timestamp.json');
  if (old === undefined) return [];
  const before = metadataVersion(old);
  if (versions.timestamp > before) return [];
  return [
    { field: '/metadata', detail: `timestamp.json: expected a version after ${before}, got ${versions.timestamp}` },
  ];
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

/** Version of a metadata file that has been verified. */
export function metadataVersion(content: Uint8Array): number {
  return (JSON.parse(new TextDecoder().decode(content)) as { signed: { version: number } }).signed.version;
}
