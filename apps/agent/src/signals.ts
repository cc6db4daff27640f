/** How a process that serves ends. */
import { reasonOf } from './errors.js';
import type { Log } from './log/logger.js';

/** What nobody expected ends the process. What matters is on disk; the service manager starts a fresh process from it. */
export function endOnUnexpected(log: Log): void {
  process.on('uncaughtException', (error, origin) => {
    log.error({ err: error.stack ?? error.message, origin }, 'the agent ends because of an unexpected error');
    process.exit(1);
  });
}

/** The first SIGINT or SIGTERM stops in order, a second one at once. */
export function stopOnSignals(stop: () => Promise<void>, log: Log): void {
  let stopping = false;
  const on = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: reasonOf(error) }, 'not stopped cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', on);
  process.on('SIGTERM', on);
}
