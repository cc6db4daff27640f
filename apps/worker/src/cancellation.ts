/** Watches a job's data for `cancelRequested`, which only the control plane writes. */
import { JobCancelled } from './job-context.js';

const LOOK_EVERY_MS = 500;

/**
 * @param requested asks the queue
 * @returns a function that ends the watch
 */
export function watchCancellation(requested: () => Promise<boolean>, controller: AbortController): () => void {
  let ended = false;
  const look = async (): Promise<void> => {
    while (!ended) {
      // A queue that cannot be asked right now is asked again; the job goes on.
      const asked = await requested().catch(() => false);
      if (ended) return;
      if (asked) return controller.abort(new JobCancelled());
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOOK_EVERY_MS);
        timer.unref();
      });
    }
  };
  let timer: NodeJS.Timeout | undefined;
  // Whatever else goes wrong ends the job: one that cannot be cancelled must not run on.
  look().catch((error: unknown) => controller.abort(error));
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
