/** A training or a compression as it goes on: what was stored, and what arrives since. */
import { topicOf, WorkEvent, type Compression, type Training, type TrainingPoint } from '@verge/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { isOpenJob } from '../components/states.js';
import { useTopic } from '../live/useLive.js';
import { queryKeyOf, useRead } from './query.js';
import { inBackground } from '../inBackground.js';

const REFRESH_MS = 5_000;

/** @returns the points with the newer one in its epoch's place, oldest first */
export function withPoint(points: readonly TrainingPoint[], point: TrainingPoint): TrainingPoint[] {
  return [...points.filter((each) => each.epoch !== point.epoch), point].sort((a, b) => a.epoch - b.epoch);
}

function applied<T extends Training | Compression>(work: T, event: WorkEvent): T {
  if (event.type === 'state') return { ...work, state: event.state, error: event.error };
  if (event.type === 'progress') return { ...work, progress: event.progress };
  return work;
}

export function useTraining(project: string, training: string) {
  const cache = useQueryClient();
  const args = { params: { project, training } };
  const read = useRead('trainings.get', args, { every: REFRESH_MS });
  const points = useRead('trainings.points', args);
  const open = read.data !== undefined && isOpenJob(read.data.state);
  const key = queryKeyOf('trainings.get', args);
  const pointsKey = queryKeyOf('trainings.points', args);
  useTopic(open ? topicOf('training', project, training) : null, WorkEvent, (event) => {
    cache.setQueryData<Training>(key, (before) => before && applied(before, event));
    const point = event.type === 'point' ? event.point : event.type === 'progress' ? event.progress.point : null;
    if (point) {
      cache.setQueryData<{ items: TrainingPoint[] }>(pointsKey, (before) => ({
        items: withPoint(before?.items ?? [], point),
      }));
    }
    if (event.type === 'state' && !isOpenJob(event.state))
      inBackground(cache.invalidateQueries({ queryKey: ['trainings'] }));
  });
  return { training: read, points };
}

export function useCompression(project: string, compression: string) {
  const cache = useQueryClient();
  const args = { params: { project, compression } };
  const read = useRead('compressions.get', args, { every: REFRESH_MS });
  const open = read.data !== undefined && isOpenJob(read.data.state);
  const key = queryKeyOf('compressions.get', args);
  useTopic(open ? topicOf('compression', project, compression) : null, WorkEvent, (event) => {
    cache.setQueryData<Compression>(key, (before) => before && applied(before, event));
    if (event.type === 'state' && !isOpenJob(event.state))
      inBackground(cache.invalidateQueries({ queryKey: ['compressions'] }));
  });
  return read;
}
