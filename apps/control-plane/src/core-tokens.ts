/** Names for what is injected and has no class of its own. */

/** ControlPlaneConfig, its ports being those that are really listened on. */
export const CONFIG = Symbol('verge:config');
/** BlobStore */
export const BLOBS = Symbol('verge:blobs');
/** pino's Logger */
export const LOGGER = Symbol('verge:logger');
