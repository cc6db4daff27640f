import { Text } from '@mantine/core';
import type { Rollout, WaveStatus } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { waveTones } from '../../components/states.js';
import { useFormat } from '../../i18n/format.js';
import classes from './rollouts.module.css';

/** The waves in order, each with how far it is and what was observed of it. */
export function WaveSteps({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  return (
    <ol className={classes.waves} aria-label={t('rollouts.waves')}>
      {rollout.waves.map((wave) => (
        <WaveStep key={wave.index} wave={wave} last={wave.index === rollout.waves.length - 1} />
      ))}
    </ol>
  );
}

function WaveStep({ wave, last }: { wave: WaveStatus; last: boolean }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const title = wave.index === 0 && !last ? t('rollouts.canary') : t('rollouts.waveNumber', { number: wave.index + 1 });
  const done = wave.devices > 0 ? wave.updated / wave.devices : 0;
  const failed = wave.devices > 0 ? wave.failed / wave.devices : 0;
  return (
    <li className={classes.wave} data-state={wave.state} aria-current={wave.state === 'active' ? 'step' : undefined}>
      <div className={classes.waveHead}>
        <Text fw={600} size="sm">
          {title}
        </Text>
        <StatePill tone={waveTones[wave.state]} pulse={wave.state === 'active'}>
          {t(`state.wave.${wave.state}`)}
        </StatePill>
      </div>
      <div className={classes.track} aria-hidden>
        <span className={classes.done} style={{ width: `${done * 100}%` }} />
        <span className={classes.failed} style={{ width: `${failed * 100}%` }} />
      </div>
      <Text size="xs" c="dimmed">
        {t('rollouts.waveDevices', { updated: wave.updated, count: wave.devices })}
        {wave.failed > 0 && ` · ${t('rollouts.waveFailed', { count: wave.failed })}`}
        {wave.pending > 0 && ` · ${t('rollouts.wavePending', { count: wave.pending })}`}
        {wave.stalled > 0 && ` · ${t('rollouts.waveStalled', { count: wave.stalled })}`}
      </Text>
      <Text size="xs" c="dimmed">
        {t('rollouts.waveRequests', { requests: format.int(wave.requests), errors: format.int(wave.errors) })}
      </Text>
      <Text size="xs" c="dimmed" component="div">
        {wave.finishedAt ? (
          <Ago at={wave.finishedAt} />
        ) : wave.startedAt ? (
          <Ago at={wave.startedAt} />
        ) : (
          t('rollouts.notStarted')
        )}
      </Text>
    </li>
  );
}
