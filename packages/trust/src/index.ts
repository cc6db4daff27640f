export { TrustError } from './errors.js';
export type { TrustErrorCode } from './errors.js';
export type { MetadataFiles } from './metadata-files.js';
