/** The project's live feed: each event names the resource that changed, and its views are read again. */
import { ProjectEvent, routes, routeUrl } from '@verge/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { listen } from './event-source.js';
import { inBackground } from '../inBackground.js';

/** The nouns whose views an event makes stale. */
const stale: Record<ProjectEvent['type'], readonly string[]> = {
  training: ['trainings', 'overview'],
  compression: ['compressions', 'overview'],
  evaluation: ['evaluations', 'overview'],
  version: ['versions', 'models', 'overview'],
  artifact: ['artifacts'],
  release: ['releases'],
  device: ['devices', 'groups', 'overview', 'enrollment'],
  group: ['groups', 'devices'],
  rollout: ['rollouts', 'overview'],
  telemetry: ['telemetry', 'overview', 'quarantine'],
  dataset: ['datasets'],
  model: ['models', 'overview'],
  recipe: ['recipes'],
};
/** Events are gathered for this long, so that a burst of them costs one read. */
const GATHER_MS = 700;

export type FeedState = 'connecting' | 'live' | 'lost';

export function useProjectFeed(project: string): FeedState {
  const cache = useQueryClient();
  const [state, setState] = useState<FeedState>('connecting');
  useEffect(() => {
    const waiting = new Set<string>();
    let wasLost = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      timer = undefined;
      for (const noun of waiting) inBackground(cache.invalidateQueries({ queryKey: [noun] }));
      waiting.clear();
    };
    const stop = listen(routeUrl(routes['events.stream'], { project }), ProjectEvent, {
      onEvent: (event) => {
        for (const noun of stale[event.type]) waiting.add(noun);
        timer ??= setTimeout(flush, GATHER_MS);
      },
      onState: (next) => {
        setState(next);
        // What changed while the feed was away was not told.
        if (next === 'live' && wasLost) inBackground(cache.invalidateQueries());
        wasLost = next === 'lost' || (wasLost && next !== 'live');
      },
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [cache, project]);
  return state;
}
