import pino from 'pino';
import { ConfigError, readConfig } from './config.js';
import { startWorker } from './worker.js';

async function main(): Promise<void> {
  const config = await readConfig(process.env);
  const log = pino({ level: config.logLevel, base: { worker: config.name } });
  const worker = await startWorker(config, log);
  const stop = (): void => {
    log.info('leaving');
    void worker.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? `verge-worker: ${error.message}` : error);
  process.exit(error instanceof ConfigError ? 2 : 1);
});
