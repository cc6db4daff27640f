/** Pages whose code is loaded when they are first visited; what failed to load is asked for again. */
import { lazy, Suspense, type ComponentType, type LazyExoticComponent, type ReactNode } from 'react';
import { PageLoader } from '../components/PageLoader.js';
import { PageNotLoaded } from '../components/page-not-loaded.js';
import { moveToNewDeployment } from './deployment.js';

type Page = ComponentType<object>;

/** A blip of the network is over by then, mostly. */
const PAUSES_MS = [300, 1_200];

/** Pages that failed, each with what makes it be asked for again. */
const failed = new Set<() => void>();

/** What failed to load is asked for again when it is next shown: React remembers a failure for ever. */
export function forgetFailedPages(): void {
  for (const forget of failed) forget();
  failed.clear();
}

export function lazyPage<K extends string>(name: K, load: () => Promise<{ [N in K]: Page }>): ReactNode {
  const ask = (): LazyExoticComponent<Page> =>
    lazy(async () => {
      try {
        return { default: (await loadPatiently(load))[name] };
      } catch (cause) {
        failed.add(() => {
          current = ask();
        });
        throw cause;
      }
    });
  let current = ask();
  function Visited(): ReactNode {
    const Loaded = current;
    return <Loaded />;
  }
  return (
    <Suspense fallback={<PageLoader />}>
      <Visited />
    </Suspense>
  );
}

/** @throws PageNotLoaded */
async function loadPatiently<T>(load: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await load();
    } catch (cause) {
      const pause = PAUSES_MS[attempt];
      if (pause !== undefined) await new Promise((resolve) => setTimeout(resolve, pause));
      // The page goes: nothing is to be drawn any more.
      else if (await moveToNewDeployment()) return await new Promise<never>(() => undefined);
      else throw new PageNotLoaded(cause);
    }
  }
}
