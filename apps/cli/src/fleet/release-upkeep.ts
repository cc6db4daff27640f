/** `verge releases status | renew | rotate | withdraw`: what keeps a release repository alive and honest for years. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError, type ReleaseRepository } from '@verge/contracts';
import {
  createKey,
  type MetadataFiles,
  nearExpiry,
  renewRepository,
  repositoryStatus,
  type Role,
  roles,
  rotateRoot,
  type SigningKey,
  updateTargets,
  writeKeyFile,
} from '@verge/trust/publish';
import type { Remote } from '../command.js';
import { CliError } from '../errors.js';
import { table } from '../output.js';
import type { KeyFile, Repository } from './release-folder.js';
import {
  atHand,
  currentRepository,
  keysOf,
  passphrase,
  readFolder,
  servedFiles,
  unpublished,
  writeFolder,
} from './release-folder.js';

/** What is signed is kept in the folder first, then published, or written to a folder for `verge releases publish`. */
async function deliver(
  { client, params }: Remote,
  repository: Repository,
  fresh: MetadataFiles,
  { keys, out }: { keys: string; out?: string },
): Promise<ReleaseRepository | null> {
  const files = new Map([...repository.files, ...fresh]);
  await writeFolder(join(keys, 'metadata'), files);
  const served = servedFiles(files, repository.trustedRoot);
  if (out === undefined) {
    const metadata = unpublished(served, repository.published);
    return client.call('releases.publishMetadata', { params, body: { metadata } });
  }
  await writeFolder(out, served);
  await writeFile(join(out, 'release.json'), JSON.stringify({ artifacts: [] }, null, 2) + '\n');
  return null;
}

const sentence = (what: string, out: string | undefined): string =>
  out === undefined ? `${what}, and published` : `${what} into ${out}; publish with: verge releases publish ${out}`;

export async function status(connection: Remote, options: { keys?: string }): Promise<void> {
  const { client, params, output } = connection;
  const found = await client.call('releases.repository', { params });
  const own = options.keys === undefined ? null : await ownState(connection, options.keys);
  output.result(
    { ...found, ...(own ? { atHand: Object.fromEntries(own.hand), unpublished: own.waiting } : {}) },
    () => {
      if (found.roles.length === 0) return 'nothing was published yet';
      const lines = [
        table(
          ['role', '>version', 'expires', '>days left', '>keys', '>must sign', ...(own ? ['>at hand'] : [])],
          found.roles.map(({ role, version, expiresAt, daysLeft, keyIds, threshold }) => {
            const left = Date.parse(expiresAt) < Date.now() ? 'expired' : String(daysLeft);
            const hand = own ? [String(own.hand.get(role) ?? 0)] : [];
            return [role, String(version), expiresAt, left, String(keyIds.length), String(threshold), ...hand];
          }),
        ),
        `${found.targets.length} artifacts are listed`,
      ];
      if (found.withdrawn.length > 0) {
        lines.push(
          table(
            ['withdrawn', 'since', '>running', 'reason'],
            found.withdrawn.map((w) => [w.path, w.withdrawnAt, String(w.running), w.reason]),
          ),
        );
      }
      lines.push(...runningLines(found));
      const near = found.roles.filter(({ role, expiresAt }) => nearExpiry(role, expiresAt, new Date()));
      if (near.length > 0) {
        lines.push(`renew ${near.map(({ role }) => role).join(', ')} with: verge releases renew --keys DIR`);
      }
      if (own && own.waiting.length > 0)
        lines.push(`signed in ${options.keys}, not published: ${own.waiting.join(', ')}`);
      return lines.join('\n');
    },
  );
}

/** What the folder holds of keys, and what it has signed that the control plane does not have. */
async function ownState(connection: Remote, folder: string): Promise<{ hand: Map<string, number>; waiting: string[] }> {
  const { files, trustedRoot, published } = await currentRepository(connection, folder);
  const waiting = unpublished(servedFiles(files, trustedRoot), published).map(({ name }) => name);
  return { hand: atHand(files, trustedRoot, await keysOf(folder)), waiting };
}

/** Who still runs what was taken back: one line for each artifact, every device counted. */
function runningLines({ withdrawn }: ReleaseRepository): string[] {
  return withdrawn
    .filter(({ running }) => running > 0)
    .map(({ path, running, devices }) => {
      const names = devices.map(({ name }) => name).join(', ');
      const more = running > devices.length ? ` and ${running - devices.length} more` : '';
      return `${running} devices run ${path}, which was withdrawn: ${names}${more}`;
    });
}

export interface RenewOptions {
  keys: string;
  out?: string;
  timestampDays: number;
  all?: boolean;
}

export async function renew(connection: Remote, options: RenewOptions): Promise<void> {
  const repository = await currentRepository(connection, options.keys);
  const renewed = renewRepository({
    previous: repository.files,
    trustedRoot: repository.trustedRoot,
    keys: (await keysOf(options.keys)).map(({ key }) => key),
    lifetimes: { timestamp: options.timestampDays },
    all: options.all === true,
  });
  const published = await deliver(connection, repository, renewed.files, options);
  const { lacking } = renewed;
  const answer = { renewed: renewed.renewed, lacking, files: [...renewed.files.keys()], published };
  connection.output.result(answer, () =>
    [
      sentence(`signed ${renewed.renewed.join(', ')} anew`, options.out),
      ...lacking.map((role) => `${role} is near its expiry, and its keys are not in ${options.keys}`),
    ].join('\n'),
  );
}

export interface RotateOptions {
  keys: string;
  out?: string;
  role?: string[];
  rootKeys?: number;
  rootThreshold?: number;
}

/** Fresh keys for the roles that change, signed by the old root keys and the new (TUF 5.3.4). */
export async function rotate(connection: Remote, options: RotateOptions): Promise<void> {
  const chosen = rolesNamed(options.role ?? ['root']);
  const repository = await currentRepository(connection, options.keys);
  const { files: previous, trustedRoot } = repository;
  const old = await keysOf(options.keys);
  const before = repositoryStatus(previous, trustedRoot).roles;
  const counts = new Map(before.map(({ role, keyids }) => [role, keyids.length]));
  const fresh = chosen.map((role) => {
    const count = (role === 'root' ? options.rootKeys : undefined) ?? counts.get(role) ?? 1;
    return { role, keys: Array.from({ length: count }, () => createKey()) };
  });
  const thresholds = options.rootThreshold === undefined ? {} : { thresholds: { root: options.rootThreshold } };
  const files = rotateRoot({
    previous,
    trustedRoot,
    roleKeys: Object.fromEntries(fresh.map(({ role, keys }) => [role, keys.map((key) => key.public)])),
    ...thresholds,
    keys: [...old.map(({ key }) => key), ...fresh.flatMap(({ keys }) => keys)],
  });
  const after = repositoryStatus(new Map([...previous, ...files]), trustedRoot).roles;
  // The keys are on disk before anything that needs them leaves here.
  const written = await writeKeys(options.keys, fresh, after.find(({ role }) => role === 'root')!.version);
  const published = await deliver(connection, repository, files, options);
  const retired = await retire(options.keys, old, new Set(after.flatMap(({ keyids }) => keyids)));
  const answer = { roles: chosen, files: [...files.keys()], written, retired, published };
  connection.output.result(answer, () =>
    [
      sentence(`rotated the keys of ${chosen.join(', ')}`, options.out),
      `new keys in ${options.keys}: ${written.join(', ')}`,
      ...(retired.length > 0 ? [`moved to ${join(options.keys, 'retired')}: ${retired.join(', ')}`] : []),
    ].join('\n'),
  );
}

/** @throws CliError naming every role that is none */
function rolesNamed(names: readonly string[]): Role[] {
  const bad = names.filter((name) => !roles.some((role) => role === name));
  if (bad.length > 0) {
    throw new CliError('usage', `--role: expected ${roles.join(', ')}; got ${bad.map((b) => `'${b}'`).join(', ')}`);
  }
  return roles.filter((role) => names.includes(role));
}

async function writeKeys(
  folder: string,
  fresh: readonly { role: Role; keys: readonly SigningKey[] }[],
  rootVersion: number,
): Promise<string[]> {
  const names: string[] = [];
  for (const { role, keys } of fresh) {
    for (const [index, key] of keys.entries()) {
      const name = `${role}-v${rootVersion}${keys.length > 1 ? `-${index + 1}` : ''}.key.json`;
      await writeKeyFile(join(folder, name), key, passphrase());
      names.push(name);
    }
  }
  return names;
}

/** Keys that no role knows any more are moved aside, not deleted: a person decides that. */
async function retire(folder: string, old: readonly KeyFile[], known: ReadonlySet<string>): Promise<string[]> {
  const gone = old.filter(({ key }) => !known.has(key.keyid)).map(({ name }) => name);
  if (gone.length > 0) await mkdir(join(folder, 'retired'), { recursive: true, mode: 0o700 });
  for (const name of gone) await rename(join(folder, name), join(folder, 'retired', name));
  return gone;
}

export interface WithdrawOptions {
  keys: string;
  out?: string;
  reason: string;
  timestampDays: number;
}

export async function withdraw(connection: Remote, names: string[], options: WithdrawOptions): Promise<void> {
  const repository = await currentRepository(connection, options.keys);
  const { files: previous, trustedRoot } = repository;
  const paths = await pathsOf(connection, names, repository);
  const files = updateTargets({
    previous,
    trustedRoot,
    keys: (await keysOf(options.keys)).map(({ key }) => key),
    withdraw: paths.map((path) => ({ path, reason: options.reason })),
    lifetimes: { timestamp: options.timestampDays },
  });
  const published = await deliver(connection, repository, files, options);
  connection.output.result({ withdrawn: paths, files: [...files.keys()], published }, () =>
    [
      sentence(`withdrew ${paths.join(', ')}`, options.out),
      ...(published
        ? runningLines({ ...published, withdrawn: published.withdrawn.filter((w) => paths.includes(w.path)) })
        : []),
    ].join('\n'),
  );
}

/** Target paths of artifacts and releases. @throws CliError naming everything that is not listed */
async function pathsOf(
  { client, params }: Remote,
  names: readonly string[],
  repository: Repository,
): Promise<string[]> {
  const { targets, withdrawn } = repositoryStatus(repository.files, repository.trustedRoot);
  const described = await client.call('releases.repository', { params });
  const paths = new Set<string>();
  const bad: string[] = [];
  for (const name of names) {
    const digests = described.targets.filter((t) => t.artifactId === name).map((t) => t.manifestDigest);
    if (digests.length === 0 && !targets.some(({ path }) => path === name)) {
      const release = await client
        .call('releases.get', { params: { ...params, release: name } })
        .catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 404) return null;
          throw error;
        });
      digests.push(...(release?.artifacts ?? []).map((artifact) => artifact.manifestDigest));
    }
    const found = targets.filter(({ path, sha256 }) => path === name || digests.includes(`sha256:${sha256}`));
    const gone = withdrawn.some(({ path, sha256 }) => path === name || digests.includes(`sha256:${sha256}`));
    for (const { path } of found) paths.add(path);
    if (found.length === 0)
      bad.push(`'${name}' ${gone ? 'is withdrawn already' : 'is no artifact, release or target path that is listed'}`);
  }
  if (bad.length > 0) throw new CliError('missing', 'nothing was withdrawn', bad);
  return [...paths];
}

/** For a folder that `renew`, `rotate` or `withdraw` wrote with --out. */
export async function publishMetadata({ client, params, output }: Remote, folder: string): Promise<void> {
  const { files } = await client.call('releases.metadata', { params });
  const published = new Map(files.map((f) => [f.name, new Uint8Array(Buffer.from(f.content, 'base64'))]));
  const metadata = unpublished(await readFolder(folder), published);
  if (metadata.length === 0) throw new CliError('usage', `everything in '${folder}' is published already`);
  const after = await client.call('releases.publishMetadata', { params, body: { metadata } });
  output.result(after, () =>
    [`published ${metadata.map(({ name }) => name).join(', ')}`, ...runningLines(after)].join('\n'),
  );
}
