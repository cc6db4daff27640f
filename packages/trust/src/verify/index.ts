export { TrustError } from '../errors.js';
export type { TrustErrorCode } from '../errors.js';
export type { MetadataFiles } from '../metadata-files.js';
export { RepositoryClient } from './client.js';
export type { RepositoryClientOptions, RepositoryVersions, VerifiedTarget } from './client.js';
export type { FetchMetadata } from './fetcher.js';
export { verifyBoth } from './both.js';
export type { AgreedTarget, TargetSource } from './both.js';
export { verifyRepository } from './repository.js';
