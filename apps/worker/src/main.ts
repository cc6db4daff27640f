import pino from 'pino';
import { ConfigError, readConfig } from './config.js';
import { startWorker } from './worker.js';

async function main(): Promise<void> {
  const config = await readConfig(process.env);
  const log = pino({ level: config.logLevel, base: { worker: config.name } });
  process.on('uncaughtExceptionMonitor', (err, origin) => log.fatal({ err, origin }, 'ends by a fault of its own'));
  const worker = await startWorker(config, log);
  const stop = (): void => {
    log.info('leaving');
    worker.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'not stopped cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? `verge-worker: ${error.message}` : error);
  process.exit(error instanceof ConfigError ? 2 : 1);
});
