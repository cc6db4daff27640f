/** The project's live feed: what changed is read again, as little of it as can be. */
import { ProjectEvent, topicOf } from '@verge/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import type { TabState } from '../live/live.js';
import { useLiveState, useMissed, useTopic } from '../live/useLive.js';
import { Changes } from './changes.js';
import { client } from './client.js';

/** Ids of one request at most. */
const AT_ONCE = 100;

async function readDevices(project: string, ids: readonly string[]) {
  const params = { project };
  const parts = Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, i) =>
    ids.slice(i * AT_ONCE, (i + 1) * AT_ONCE).join(','),
  );
  const read = (part: string) => client.call('devices.list', { params, query: { ids: part, limit: AT_ONCE } });
  return (await Promise.all(parts.map(read))).flatMap(({ items }) => items);
}

export function useProjectFeed(project: string): TabState {
  const cache = useQueryClient();
  const changes = useMemo(() => new Changes(cache, (ids) => readDevices(project, ids)), [cache, project]);
  useEffect(() => () => changes.stop(), [changes]);
  const topic = topicOf('project', project);
  useTopic(topic, ProjectEvent, (event) => changes.take(event));
  // Events are told once: after a gap everything that is shown is read again.
  useMissed(() => changes.takeAll());
  return useLiveState(topic);
}
