import { Tooltip } from '@mantine/core';
import { useSyncExternalStore, type ReactNode } from 'react';
import { DASH, useFormat } from '../i18n/format.js';

const TICK_MS = 5_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const waiting = new Set<() => void>();

/** One clock for every relative time on the page. */
function subscribe(notify: () => void): () => void {
  waiting.add(notify);
  now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of waiting) each();
  }, TICK_MS);
  return () => {
    waiting.delete(notify);
    if (waiting.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

export const useNow = (): number => useSyncExternalStore(subscribe, () => now);

/** How long ago, with the exact time on hover and for assistive technology. */
export function Ago({ at }: { at: string | null | undefined }): ReactNode {
  const format = useFormat();
  const current = useNow();
  if (!at) return <>{DASH}</>;
  return (
    <Tooltip label={format.dateTime(at)}>
      <time dateTime={at} style={{ whiteSpace: 'nowrap' }}>
        {format.relative(at, current)}
      </time>
    </Tooltip>
  );
}
