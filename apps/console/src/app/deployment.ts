/** Whether the control plane serves another build of the console by now than the one that runs here, and the way over to it. */

const RELOADED = 'verge.reloaded';

/** The script that a page of the console begins with; its name changes with each build. */
const entryOf = (page: Document): string | null =>
  page.querySelector('script[type="module"][src]')?.getAttribute('src') ?? null;

async function servedEntry(): Promise<string | null> {
  const answer = await fetch('/', { cache: 'no-cache' }).catch(() => null);
  if (!answer?.ok) return null;
  return entryOf(new DOMParser().parseFromString(await answer.text(), 'text/html'));
}

/**
 * Loads the page anew when another build is served: the files of this one may be gone. Once for each build, so that a build which
 * cannot be loaded is not loaded again and again.
 * @returns whether the page is about to go
 */
export async function moveToNewDeployment(): Promise<boolean> {
  const entry = await servedEntry();
  if (entry === null || entry === entryOf(document)) return false;
  if (window.sessionStorage.getItem(RELOADED) === entry) return false;
  window.sessionStorage.setItem(RELOADED, entry);
  window.location.reload();
  return true;
}
