import { runCommand, usage } from './backup/command.js';
import { parseConfig } from './config.js';
import { ControlPlaneError } from './errors.js';
import { createLogger } from './log.js';
import { startControlPlane } from './start.js';

const GRACE_MS = 20_000;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return void process.stdout.write(usage);
  if (args.length > 0) return await runCommand(args, process.env);
  const config = parseConfig(process.env);
  const log = createLogger(config.logLevel);
  process.on('uncaughtExceptionMonitor', (err, origin) => log.fatal({ err, origin }, 'ends by a fault of its own'));
  const starting = startControlPlane(config, log);
  let stopping = false;
  // Also while it starts: what has been started by then, the database above all, must not be left behind.
  const stop = (): void => {
    // A second signal means now.
    if (stopping) process.exit(130);
    stopping = true;
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    starting
      .then((plane) => plane.close())
      .then(() => process.exit(0))
      .catch(fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await starting;
}

function fail(error: unknown): never {
  const text = error instanceof ControlPlaneError ? `${error.code}: ${error.message}` : String((error as Error).stack);
  process.stderr.write(`verge-control-plane: ${text}\n`);
  process.exit(1);
}

main(process.argv.slice(2)).catch(fail);
