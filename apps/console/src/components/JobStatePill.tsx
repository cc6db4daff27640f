import type { JobState, RolloutState } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { StatePill } from './StatePill.js';
import { jobTones, rolloutTones } from './states.js';

export function JobStatePill({ state }: { state: JobState }): ReactNode {
  const { t } = useTranslation();
  return (
    <StatePill tone={jobTones[state]} pulse={state === 'running'}>
      {t(`state.job.${state}`)}
    </StatePill>
  );
}

export function RolloutStatePill({ state }: { state: RolloutState }): ReactNode {
  const { t } = useTranslation();
  return (
    <StatePill tone={rolloutTones[state]} pulse={state === 'running'}>
      {t(`state.rollout.${state}`)}
    </StatePill>
  );
}
