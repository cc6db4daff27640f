/** A rollout as it goes on: stored state, then what its stream tells. */
import { RolloutEventMessage, routes, routeUrl, type Rollout, type RolloutDevice } from '@verge/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { isOpenRollout } from '../components/states.js';
import { listen } from './event-source.js';
import { queryKeyOf, useRead } from './query.js';
import { inBackground } from '../inBackground.js';

const REFRESH_MS = 5_000;
const DEVICES = 500;

export function useRollout(project: string, rollout: string) {
  const cache = useQueryClient();
  const read = useRead('rollouts.get', { params: { project, rollout } }, { every: REFRESH_MS });
  const devices = useRead(
    'rollouts.devices',
    { params: { project, rollout }, query: { limit: DEVICES } },
    { every: REFRESH_MS },
  );
  const open = read.data !== undefined && isOpenRollout(read.data.state);
  useEffect(() => {
    if (!open) return;
    const params = { project, rollout };
    const key = queryKeyOf('rollouts.get', { params });
    const devicesKey = queryKeyOf('rollouts.devices', { params, query: { limit: DEVICES } });
    return listen(routeUrl(routes['rollouts.events'], params), RolloutEventMessage, {
      onEvent: (event) => {
        if (event.type === 'rollout') {
          cache.setQueryData<Rollout>(key, event.rollout);
          if (!isOpenRollout(event.rollout.state)) inBackground(cache.invalidateQueries({ queryKey: ['rollouts'] }));
          return;
        }
        cache.setQueryData<{ items: RolloutDevice[]; nextCursor: string | null }>(
          devicesKey,
          (before) =>
            before && {
              ...before,
              items: before.items.map((each) => (each.deviceId === event.device.deviceId ? event.device : each)),
            },
        );
      },
    });
  }, [cache, open, project, rollout]);
  return { rollout: read, devices };
}
