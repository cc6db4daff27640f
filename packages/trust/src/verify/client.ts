import { TargetFile, Updater } from 'tuf-js';
import { Metadata, MetadataKind } from '@tufjs/models';
import type { Targets } from '@tufjs/models';
import { reasonOf, TrustError } from '../errors.js';
import type { MetadataFiles } from '../metadata-files.js';
import type { Withdrawal } from '../withdrawal.js';
import { withdrawalsIn } from '../withdrawal.js';
import type { FetchMetadata } from './fetcher.js';
import { baseUrl, MetadataFetcher } from './fetcher.js';
import { refusalOf } from './refusals.js';
import type { TrustedFiles } from './trusted-state.js';
import { loadTrusted, saveTrusted, withTrustedFolder } from './trusted-state.js';

/** A file that a repository vouches for. */
export interface VerifiedTarget {
  path: string;
  /** Bytes. */
  length: number;
  /** Algorithm to lower-case hex. */
  hashes: Record<string, string>;
  custom: Record<string, unknown>;
}

/** Which metadata is believed. */
export interface RepositoryVersions {
  root: number;
  timestamp: number;
  snapshot: number;
  targets: number;
}

export interface RepositoryClientOptions {
  /** Where the trusted metadata is kept; one folder for each repository. */
  dir: string;
  /** The first root, obtained out of band (at enrolment); it counts only until something is kept in `dir`. */
  trustedRoot: Uint8Array;
  fetch: FetchMetadata;
}

/**
 * A TUF 1.0 client (specification 5) over any transport: tuf-js decides, this class feeds it and keeps its state.
 * One process uses a folder at a time; calls on one client queue up.
 */
export class RepositoryClient {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly dir: string,
    private readonly trusted: TrustedFiles,
    private readonly fetchMetadata: FetchMetadata,
  ) {}

  /** @throws TrustError `metadata-invalid`, `metadata-unsigned` (the root), `trusted-state-damaged`, `trusted-state-unwritable` */
  static async open(options: RepositoryClientOptions): Promise<RepositoryClient> {
    const kept = await loadTrusted(options.dir);
    const trusted = kept ?? new Map([['root.json', options.trustedRoot]]);
    const root = trusted.get('root.json');
    if (!root) throw new TrustError('trusted-state-damaged', `${options.dir}: there is no root`);
    checkRoot(root);
    if (!kept) await saveTrusted(options.dir, trusted);
    return new RepositoryClient(options.dir, trusted, options.fetch);
  }

  /**
   * Brings the trusted metadata up to date (specification 5.3 to 5.6).
   * @throws TrustError `metadata-expired` (freeze), `metadata-rollback`, `metadata-mismatch` (mix-and-match),
   * `metadata-unsigned`, `metadata-spec-unsupported`, `metadata-invalid`, `metadata-missing`, `metadata-too-large`,
   * `metadata-fetch-failed`, `trusted-state-unwritable`
   */
  refresh(): Promise<RepositoryVersions> {
    return this.withUpdater(false, async (updater) => {
      await updater.refresh();
    }).then(() => this.versions());
  }

  /**
   * What the trusted metadata says about a path, or null; works without a connection while nothing has expired.
   * @throws TrustError as `refresh`
   */
  target(path: string): Promise<VerifiedTarget | null> {
    return this.withUpdater(true, async (updater) => {
      const found = await updater.getTargetInfo(path);
      // A lookup of `constructor` would find what every object has.
      return found instanceof TargetFile ? verifiedTarget(found) : null;
    });
  }

  /** Every target of the top-level targets role, after the same checks as `target`. */
  targets(): Promise<VerifiedTarget[]> {
    return this.withUpdater(true, async (updater) => {
      await updater.refresh();
    }).then(() => Object.values(this.parsedTargets().signed.targets).map(verifiedTarget));
  }

  /**
   * What the newest targets that this device has verified say was taken back; empty before the first refresh. Expiry does
   * not matter: a withdrawal that was seen once counts for ever, also on a device that is offline for a year.
   * @throws TrustError `metadata-invalid`
   */
  withdrawals(): Withdrawal[] {
    if (!this.trusted.has('targets.json')) return [];
    try {
      return withdrawalsIn(this.parsedTargets().signed.unrecognizedFields);
    } catch (error) {
      throw new TrustError('metadata-invalid', `targets: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** The versions that are believed; 0 for a role that has not been fetched yet. */
  versions(): RepositoryVersions {
    return {
      root: this.versionOf('root.json'),
      timestamp: this.versionOf('timestamp.json'),
      snapshot: this.versionOf('snapshot.json'),
      targets: this.versionOf('targets.json'),
    };
  }

  /** The trusted metadata under its repository names, as `@verge/trust/publish` takes it. */
  metadata(): MetadataFiles {
    const { root, snapshot, targets } = this.versions();
    const names: [string, string][] = [
      ['root.json', `${root}.root.json`],
      ['targets.json', `${targets}.targets.json`],
      ['snapshot.json', `${snapshot}.snapshot.json`],
      ['timestamp.json', 'timestamp.json'],
    ];
    return new Map(
      names.flatMap(([own, name]) => {
        const bytes = this.trusted.get(own);
        return bytes ? [[name, bytes] as const] : [];
      }),
    );
  }

  private withUpdater<T>(cached: boolean, work: (updater: Updater) => Promise<T>): Promise<T> {
    const turn = this.queue.then(() =>
      withTrustedFolder(this.dir, this.trusted, async (metadataDir) => {
        const fetcher = new MetadataFetcher(this.fetchMetadata);
        try {
          // A fresh updater each time: tuf-js fixes the time of reference when it is made (specification 5.1).
          const updater = new Updater({ metadataDir, metadataBaseUrl: baseUrl, fetcher, forceCache: cached });
          return await work(updater);
        } catch (error) {
          throw refusalOf(error, fetcher.failure);
        }
      }),
    );
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private parsedTargets(): Metadata<Targets> {
    return Metadata.fromJSON(MetadataKind.Targets, JSON.parse(textOf(this.trusted.get('targets.json'))));
  }

  private versionOf(name: string): number {
    const file = this.trusted.get(name);
    if (!file) return 0;
    const content = JSON.parse(textOf(file)) as { signed: { version: number } };
    return content.signed.version;
  }
}

function checkRoot(bytes: Uint8Array): void {
  try {
    const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(textOf(bytes)));
    root.verifyDelegate('root', root);
  } catch (error) {
    throw refusalOf(new Error(`trusted root: ${reasonOf(error)}`, { cause: error }), null);
  }
}

function verifiedTarget(file: TargetFile): VerifiedTarget {
  return { path: file.path, length: file.length, hashes: { ...file.hashes }, custom: { ...file.custom } };
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
