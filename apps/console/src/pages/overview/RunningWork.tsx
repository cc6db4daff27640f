import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { JobProgressBar } from '../../components/JobProgressBar.js';
import { RolloutStatePill } from '../../components/JobStatePill.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { isOpenJob, isOpenRollout } from '../../components/states.js';
import { useProject } from '../../session/project.js';
import { WaveBar } from '../rollouts/WaveBar.js';
import { trainingName } from '../trainings/name.js';
import classes from './overview.module.css';

const LOOKED_AT = 50;

/** What is going on: trainings, compressions and rollouts that have not ended. */
export function RunningWork(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const asked = { params: { project: slug }, query: { limit: LOOKED_AT } };
  const trainings =
    useRead('trainings.list', asked, { every: 10_000 }).data?.items.filter((x) => isOpenJob(x.state)) ?? [];
  const compressions =
    useRead('compressions.list', asked, { every: 10_000 }).data?.items.filter((x) => isOpenJob(x.state)) ?? [];
  const rollouts =
    useRead('rollouts.list', asked, { every: 10_000 }).data?.items.filter((x) => isOpenRollout(x.state)) ?? [];
  const idle = trainings.length + compressions.length + rollouts.length === 0;
  return (
    <Panel title={t('overview.now')} flush>
      {idle && (
        <Text size="sm" c="dimmed" p="md">
          {t('overview.idle')}
        </Text>
      )}
      <ul className={classes.rows}>
        {rollouts.map((rollout) => (
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
        {trainings.map((training) => (
          <li key={training.id}>
            <TextLink to={to(`/trainings/${training.id}`)} strong>
              {trainingName(training)}
            </TextLink>
            <span className={classes.grow}>
              <JobProgressBar progress={training.progress} label={trainingName(training)} />
            </span>
          </li>
        ))}
        {compressions.map((compression) => (
          <li key={compression.id}>
            <TextLink to={to(`/compressions/${compression.id}`)} strong>
              {compression.recipe.name} · {compression.target.name}
            </TextLink>
            <span className={classes.grow}>
              <JobProgressBar progress={compression.progress} label={compression.recipe.name} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
