import { parseConfig } from './config.js';
import { ControlPlaneError } from './errors.js';
import { startControlPlane } from './start.js';

const GRACE_MS = 20_000;

async function main(): Promise<void> {
  const starting = startControlPlane(parseConfig(process.env));
  let stopping = false;
  // Also while it starts: what has been started by then, the database above all, must not be left behind.
  const stop = (): void => {
    // A second signal means now.
    if (stopping) process.exit(130);
    stopping = true;
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    void starting.then((plane) => plane.close()).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await starting;
}

main().catch((error: unknown) => {
  const text = error instanceof ControlPlaneError ? `${error.code}: ${error.message}` : String((error as Error).stack);
  process.stderr.write(`verge-control-plane: ${text}\n`);
  process.exit(1);
});
