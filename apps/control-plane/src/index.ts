export { parseConfig, type ControlPlaneConfig } from './config.js';
export type { ControlPlaneFile } from './control-plane-file.js';
export { ControlPlaneError, type ControlPlaneErrorCode } from './errors.js';
export { startControlPlane, type ControlPlane } from './start.js';
