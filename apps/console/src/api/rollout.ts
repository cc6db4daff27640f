/** A rollout as it goes on: stored state, then what its stream tells. */
import { RolloutEventMessage, topicOf, type Rollout, type RolloutDevice } from '@verge/contracts';
import { useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { isOpenRollout } from '../components/states.js';
import { useTopic } from '../live/useLive.js';
import { inBackground } from '../inBackground.js';
import { queryKeyOf, usePages, useRead } from './query.js';

/** The stream tells what changes; this is for what it missed. */
const REFRESH_MS = 30_000;
const DEVICES = 200;

interface DevicePage {
  items: RolloutDevice[];
}

/** @param state states of devices, separated by commas, that its list is narrowed to */
export function useRollout(project: string, rollout: string, state: string | undefined) {
  const cache = useQueryClient();
  const read = useRead('rollouts.get', { params: { project, rollout } }, { every: REFRESH_MS });
  const query = { limit: DEVICES, state };
  const devices = usePages(
    'rollouts.devices',
    { params: { project, rollout }, query },
    { every: REFRESH_MS, keep: true },
  );
  const open = read.data !== undefined && isOpenRollout(read.data.state);
  const key = queryKeyOf('rollouts.get', { params: { project, rollout } });
  useTopic(open ? topicOf('rollout', project, rollout) : null, RolloutEventMessage, (event) => {
    if (event.type === 'rollout') {
      cache.setQueryData<Rollout>(key, event.rollout);
      if (!isOpenRollout(event.rollout.state)) inBackground(cache.invalidateQueries({ queryKey: ['rollouts'] }));
      return;
    }
    cache.setQueriesData<InfiniteData<DevicePage>>({ queryKey: ['rollouts', 'rollouts.devices'] }, (before) =>
      before?.pages ? { ...before, pages: before.pages.map((page) => withDevice(page, event.device)) } : before,
    );
  });
  return { rollout: read, devices };
}

function withDevice(page: DevicePage, device: RolloutDevice): DevicePage {
  if (!page.items.some((each) => each.deviceId === device.deviceId)) return page;
  return { ...page, items: page.items.map((each) => (each.deviceId === device.deviceId ? device : each)) };
}
