import { DirectoryBlobStore } from './directory-store.js';
import { BlobError } from './errors.js';
import { S3BlobStore } from './s3-store.js';
import type { S3BlobStoreOptions } from './s3-store.js';
import type { BlobStore } from './store.js';

/** The environment variables that choose a store; `process.env` fits. */
export interface BlobStoreConfig {
  /** URL of an S3-compatible service. */
  S3_ENDPOINT?: string | undefined;
  /** A bucket alone means AWS itself. */
  S3_BUCKET?: string | undefined;
  S3_REGION?: string | undefined;
  S3_ACCESS_KEY_ID?: string | undefined;
  S3_SECRET_ACCESS_KEY?: string | undefined;
  /** `true` or `false`; true by default where there is an endpoint. */
  S3_FORCE_PATH_STYLE?: string | undefined;
  /** The folder that is used when no S3 variable is set. */
  BLOBS_DIR?: string | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Opens the store that the configuration names: S3 when `S3_ENDPOINT` or `S3_BUCKET` is set (the bucket is made where
 * missing), otherwise the folder `BLOBS_DIR`.
 * @throws BlobError `blob-config-invalid` naming every bad variable (never a value), `blob-store-failed`
 */
export async function openBlobStore(config: BlobStoreConfig): Promise<BlobStore> {
  if (config.S3_ENDPOINT || config.S3_BUCKET) {
    const store = new S3BlobStore(s3Options(config));
    await store.ensureBucket();
    return store;
  }
  if (!config.BLOBS_DIR) {
    throw new BlobError('blob-config-invalid', 'expected BLOBS_DIR (a folder), or S3_ENDPOINT and S3_BUCKET');
  }
  const store = new DirectoryBlobStore(config.BLOBS_DIR);
  await store.sweep(dayMs);
  return store;
}

function s3Options(config: BlobStoreConfig): S3BlobStoreOptions {
  const bad: string[] = [];
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_FORCE_PATH_STYLE: style } = config;
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (!bucket) bad.push('S3_BUCKET: expected the name of a bucket');
  if (endpoint && !/^https?:\/\//.test(endpoint)) bad.push('S3_ENDPOINT: expected an http or https URL');
  if (endpoint && !URL.canParse(endpoint)) bad.push('S3_ENDPOINT: expected a URL');
  if (style && style !== 'true' && style !== 'false') bad.push('S3_FORCE_PATH_STYLE: expected true or false');
  if (!accessKeyId !== !secretAccessKey) {
    bad.push('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY: expected both or neither');
  }
  if (bad.length > 0 || !bucket) throw new BlobError('blob-config-invalid', bad.join('; '));
  const options: S3BlobStoreOptions = { bucket };
  if (endpoint) options.endpoint = endpoint;
  if (config.S3_REGION) options.region = config.S3_REGION;
  if (style) options.forcePathStyle = style === 'true';
  if (accessKeyId && secretAccessKey) options.credentials = { accessKeyId, secretAccessKey };
  return options;
}
