/** A file that is touched while the queue answers: what a container's health check looks at. */
import { rm, writeFile } from 'node:fs/promises';

const EVERY_MS = 10_000;

/** @returns a function that ends the beat and removes the file */
export function startHeartbeat(file: string, alive: () => Promise<unknown>): () => Promise<void> {
  const beat = (): void => {
    alive().then(
      () => writeFile(file, new Date().toISOString() + '\n'),
      // Nothing is written: the file grows old, and the check says so.
      () => undefined,
    );
  };
  beat();
  const timer = setInterval(beat, EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await rm(file, { force: true });
  };
}
