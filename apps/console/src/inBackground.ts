/** Starts what nobody waits for: a navigation, a reading anew. Its failure is told like any error of the page. */
export function inBackground(started: unknown): void {
  Promise.resolve(started).catch((error: unknown) => reportError(error));
}
