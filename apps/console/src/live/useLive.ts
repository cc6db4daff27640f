import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import type { z } from 'zod';
import { live, type TabState } from './live.js';

/** How it stands with the stream, and with the topic on it. */
export function useLiveState(topic?: string): TabState {
  return useSyncExternalStore(live.onChange, () => live.stateOf(topic));
}

/** Listens to a topic while the component is there; to none when it is null. */
export function useTopic<S extends z.ZodType>(
  topic: string | null,
  schema: S,
  onEvent: (event: z.output<S>) => void,
): void {
  const take = useEffectEvent((event: unknown) => {
    const parsed = schema.safeParse(event);
    // A newer control plane may tell what this page does not know: the slow refresh shows what came of it.
    if (parsed.success) onEvent(parsed.data);
  });
  useEffect(() => {
    if (topic === null) return;
    return live.follow(topic, (event) => take(event));
  }, [topic]);
}

export function useMissed(onMissed: () => void): void {
  const read = useEffectEvent(onMissed);
  useEffect(() => live.onMissed(() => read()), []);
}
