import { useEffect } from 'react';
import { useBlocker, type Blocker } from 'react-router';

/** While something typed is not saved, the browser asks before the page is closed, and a way to another page waits for an answer. */
export function useUnsaved(unsaved: boolean): Blocker {
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [unsaved]);
  return useBlocker(
    ({ currentLocation, nextLocation }) => unsaved && currentLocation.pathname !== nextLocation.pathname,
  );
}
