export { startWorker, type RunningWorker } from './worker.js';
export { readConfig, ConfigError, type WorkerConfig } from './config.js';
