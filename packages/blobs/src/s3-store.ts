import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { hexOf, isDigest } from './digest.js';
import { asBlobError } from './errors.js';
import { spool } from './spool.js';
import type { BlobReference, BlobSource, BlobStore, Expected, Range, StoredBlob } from './store.js';
import { collectVerified, notFound, resolveRange } from './store.js';

export interface S3BlobStoreOptions {
  bucket: string;
  /** URL of an S3-compatible service; absent for AWS itself. */
  endpoint?: string;
  region?: string;
  /** `https://host/bucket/key` instead of `https://bucket.host/key`; most self-hosted services need it. */
  forcePathStyle?: boolean;
  /** Absent: the SDK's own chain (environment, profile, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Where uploads are spooled until their digest is known. */
  spoolDir?: string;
}

/** An object that was stored within this time is as good as stored now. */
const freshMs = 60 * 60 * 1000;

/** S3 takes at most 5 GiB in one PutObject; ONNX models end at 2 GiB, protobuf's limit. */
const largestObject = 5 * 1024 ** 3;

/** Blobs as S3 objects `sha256/ab/cdef…`, a single PutObject each, which S3 makes visible all at once. */
export class S3BlobStore implements BlobStore {
  readonly bucket: string;
  private readonly client: S3Client;
  private readonly spoolDir: string;

  constructor(options: S3BlobStoreOptions) {
    this.bucket = options.bucket;
    this.spoolDir = options.spoolDir ?? join(tmpdir(), 'verge-blob-uploads');
    const config: S3ClientConfig = {
      region: options.region ?? 'us-east-1',
      forcePathStyle: options.forcePathStyle ?? options.endpoint !== undefined,
      // The SDK's default CRC trailers are an AWS extension that other services refuse; we send x-amz-checksum-sha256.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    };
    if (options.endpoint !== undefined) config.endpoint = options.endpoint;
    if (options.credentials !== undefined) config.credentials = options.credentials;
    this.client = new S3Client(config);
  }

  /** Checks that the bucket can be reached, and makes it where it is missing. */
  async ensureBucket(): Promise<void> {
    try {
      await this.client.send(new HeadBucketCommand({ Bucket: this.bucket }));
    } catch (error) {
      if (statusOf(error) !== 404) throw asBlobError(error, 'blob-store-failed', `reaching bucket ${this.bucket}`);
      await this.client.send(new CreateBucketCommand({ Bucket: this.bucket })).catch((cause: unknown) => {
        // Another process of ours may have been faster.
        if (cause instanceof Error && cause.name === 'BucketAlreadyOwnedByYou') return;
        throw asBlobError(cause, 'blob-store-failed', `creating bucket ${this.bucket}`);
      });
    }
  }

  async put(source: BlobSource, expected?: Expected): Promise<BlobReference> {
    const maxBytes = Math.min(expected?.maxBytes ?? largestObject, largestObject);
    const { path, digest, bytes } = await spool(source, this.spoolDir, { ...expected, maxBytes });
    try {
      // Content never changes, so an object that is there need not travel again; unless it has lain there for long, and would
      // be taken for one that nobody wants.
      const present = await this.stat(digest);
      const isNew = present !== null && Date.now() - present.storedAt.getTime() < freshMs;
      if (present?.bytes !== bytes || !isNew) await this.upload(path, digest, bytes);
      return { digest, bytes };
    } finally {
      await rm(path, { force: true });
    }
  }

  private async upload(path: string, digest: string, bytes: number): Promise<void> {
    const body = createReadStream(path, { highWaterMark: 256 * 1024 });
    try {
      await this.client.send(
        new PutObjectCommand({
          Bucket: this.bucket,
          Key: keyOf(digest),
          Body: body,
          ContentLength: bytes,
          ContentType: 'application/octet-stream',
          ChecksumSHA256: Buffer.from(hexOf(digest), 'hex').toString('base64'),
        }),
      );
    } catch (error) {
      throw asBlobError(error, 'blob-store-failed', `uploading blob ${digest}`);
    } finally {
      body.destroy();
    }
  }

  async get(digest: string, range?: Range): Promise<Readable> {
    const found = await this.stat(digest);
    if (!found) throw notFound(digest);
    const { offset, length } = resolveRange(found.bytes, range);
    if (length === 0) return Readable.from([]);
    const whole = offset === 0 && length === found.bytes;
    try {
      const answer = await this.client.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: keyOf(digest),
          // RFC 9110 14.1.2: both ends are inclusive.
          ...(whole ? {} : { Range: `bytes=${offset}-${offset + length - 1}` }),
        }),
      );
      if (!(answer.Body instanceof Readable)) throw new Error('the service answered without a body');
      return answer.Body;
    } catch (error) {
      if (statusOf(error) === 404) throw notFound(digest);
      throw asBlobError(error, 'blob-store-failed', `downloading blob ${digest}`);
    }
  }

  async stat(digest: string): Promise<{ bytes: number; storedAt: Date } | null> {
    const Key = keyOf(digest);
    try {
      const head = await this.client.send(new HeadObjectCommand({ Bucket: this.bucket, Key }));
      return { bytes: head.ContentLength ?? 0, storedAt: head.LastModified ?? new Date() };
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw asBlobError(error, 'blob-store-failed', `looking up blob ${digest}`);
    }
  }

  async read(digest: string): Promise<Uint8Array> {
    return collectVerified(await this.get(digest), digest);
  }

  async delete(digest: string): Promise<boolean> {
    if (!(await this.stat(digest))) return false;
    try {
      await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: keyOf(digest) }));
      return true;
    } catch (error) {
      throw asBlobError(error, 'blob-store-failed', `deleting blob ${digest}`);
    }
  }

  async *list(): AsyncGenerator<StoredBlob> {
    let token: string | undefined;
    do {
      const page = await this.client
        .send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix: 'sha256/', ContinuationToken: token }))
        .catch((error: unknown) => {
          throw asBlobError(error, 'blob-store-failed', 'listing blobs');
        });
      for (const object of page.Contents ?? []) {
        const digest = digestOfKey(object.Key ?? '');
        // Without a time it is as young as can be: nobody deletes it for its age.
        if (isDigest(digest)) yield { digest, bytes: object.Size ?? 0, storedAt: object.LastModified ?? new Date() };
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Closes the connections that the client keeps open. */
  close(): void {
    this.client.destroy();
  }
}

function keyOf(digest: string): string {
  const hex = hexOf(digest);
  return `sha256/${hex.slice(0, 2)}/${hex.slice(2)}`;
}

function digestOfKey(key: string): string {
  return `sha256:${key.slice('sha256/'.length).replace('/', '')}`;
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
