import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { ErrorState } from '../../components/ErrorState.js';
import { JobProgressBar } from '../../components/JobProgressBar.js';
import { RolloutStatePill } from '../../components/JobStatePill.js';
import { Panel } from '../../components/Panel.js';
import { ShowAll } from '../../components/ShowAll.js';
import { TextLink } from '../../components/TextLink.js';
import { inBackground } from '../../inBackground.js';
import { useProject } from '../../session/project.js';
import { JobLink } from '../jobs/JobsPage.js';
import { WaveBar } from '../rollouts/WaveBar.js';
import classes from './overview.module.css';

const SHOWN = 5;
const REFRESH_MS = 30_000;
const openRollouts = 'running,paused,reverting';
const openJobs = 'queued,running,cancelling';

/** What is going on: jobs and rollouts that have not ended, the first few of each, and how many there are. */
export function RunningWork(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const params = { project: slug };
  const every = { every: REFRESH_MS };
  const jobs = useRead('jobs.list', { params, query: { state: openJobs, limit: SHOWN } }, every);
  const rollouts = useRead('rollouts.list', { params, query: { state: openRollouts, limit: SHOWN } }, every);
  const idle = jobs.data?.total === 0 && rollouts.data?.total === 0;
  const failed = [jobs, rollouts].find((query) => query.error && !query.data);
  const all = (
    <Group gap="sm">
      <ShowAll shown={SHOWN} total={rollouts.data?.total} to={to(`/rollouts?state=${openRollouts}`)} />
      <ShowAll shown={SHOWN} total={jobs.data?.total} to={to(`/jobs?state=${openJobs}`)} />
    </Group>
  );
  return (
    <Panel title={t('overview.now')} flush actions={all}>
      {failed?.error && <ErrorState error={failed.error} onRetry={() => inBackground(failed.refetch())} />}
      {idle && (
        <Text size="sm" c="dimmed" p="md">
          {t('overview.idle')}
        </Text>
      )}
      <ul className={classes.rows}>
        {rollouts.data?.items.map((rollout) => (
          <li key={rollout.id}>
            <TextLink to={to(`/rollouts/${rollout.id}`)} strong>
              {rollout.name}
            </TextLink>
            <span className={classes.grow}>
              <WaveBar rollout={rollout} />
            </span>
            <RolloutStatePill state={rollout.state} />
          </li>
        ))}
        {jobs.data?.items.map((job) => (
          <li key={job.id}>
            <JobLink job={job} />
            <span className={classes.grow}>
              <JobProgressBar progress={job.progress} label={job.name} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
