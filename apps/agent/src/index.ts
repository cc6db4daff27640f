export { Agent, type RunOptions, type Running } from './agent.js';
export { AgentError, type AgentFault } from './errors.js';
export { readSettings, type Settings } from './settings.js';
export { Api, type ApiOptions } from './api/server.js';
export { Serving } from './serving.js';
export { observationOf, Window as TelemetryWindow } from './telemetry/window.js';
export type { Artifact } from './update/artifact.js';
