export { TrustError } from '../errors.js';
export type { TrustErrorCode } from '../errors.js';
export type { MetadataFiles } from '../metadata-files.js';
export { canonicalize } from './canonical-json.js';
export type { CanonicalValue } from './canonical-json.js';
export { createKey, importKey, tufKey } from './keys.js';
export type { SigningKey, TufKey } from './keys.js';
export { decodeKey, encodeKey, readKeyFile, writeKeyFile } from './key-file.js';
export type { KeyFileOptions } from './key-file.js';
export { defaultLifetimes, roles } from './roles.js';
export type { Lifetimes, Role, Target } from './roles.js';
export {
  draftTargets,
  initRepository,
  readDraft,
  renewTimestamp,
  sealTargets,
  signTargets,
  updateTargets,
} from './release.js';
export type { InitRepositoryOptions, TargetsDraft, UpdateOptions, UpdateTargetsOptions } from './release.js';
export { readRepository } from './repository.js';
export type { RepositoryState } from './repository.js';
export { rotateRoot } from './rotate.js';
export type { RotateRootOptions } from './rotate.js';
export { directorMetadata, initDirector, rotateDirector } from './director.js';
export type { DirectorMetadataOptions } from './director.js';
