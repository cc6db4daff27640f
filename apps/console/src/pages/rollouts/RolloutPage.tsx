import { Alert, Grid, Stack } from '@mantine/core';
import type { Rollout, RolloutDevice } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useRollout } from '../../api/rollout.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { RolloutStatePill } from '../../components/JobStatePill.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { rolloutTones } from '../../components/states.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { DeviceGrid } from './DeviceGrid.js';
import { GateTable } from './GateTable.js';
import { RolloutActions } from './RolloutActions.js';
import { RolloutDeviceTable } from './RolloutDeviceTable.js';
import { deviceTotal, WaveBar } from './WaveBar.js';
import { WaveSteps } from './WaveSteps.js';

export function RolloutPage(): ReactNode {
  const { slug } = useProject();
  const { rollout, devices } = useRollout(slug, useParams()['rollout'] ?? '');
  return (
    <QueryView query={rollout}>
      {(data) => (
        <RolloutView rollout={data}>
          {(show) => (
            <QueryView query={devices} height={160}>
              {({ items }) => show(items)}
            </QueryView>
          )}
        </RolloutView>
      )}
    </QueryView>
  );
}

interface ViewProps {
  rollout: Rollout;
  /** Shows something of the rollout's devices once they are read. */
  children: (show: (devices: readonly RolloutDevice[]) => ReactNode) => ReactNode;
}

function RolloutView({ rollout, children }: ViewProps): ReactNode {
  const { t } = useTranslation();
  const { to, can } = useProject();
  const bad = rolloutTones[rollout.state] === 'bad' || rollout.state === 'reverting';
  return (
    <>
      <PageHeader
        title={rollout.name}
        crumbs={[{ label: t('rollouts.title'), to: to('/rollouts') }]}
        mark={<RolloutStatePill state={rollout.state} />}
        note={<Digest value={rollout.id} digits={36} />}
        actions={can('operator') && <RolloutActions rollout={rollout} />}
      />
      <Stack gap="md">
        {rollout.reason && (
          <Alert color={bad ? 'red' : 'petrol'} variant="outline" role="status">
            {rollout.reason}
          </Alert>
        )}
        <WaveBar rollout={rollout} size="lg" />
        <RolloutStats rollout={rollout} />
        <Panel title={t('rollouts.waves')}>
          <WaveSteps rollout={rollout} />
        </Panel>
        <Grid>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Stack gap="md">
              <Panel title={t('rollouts.gate')} note={t('rollouts.gateNote')} flush>
                <GateTable rollout={rollout} />
              </Panel>
              <Panel title={t('rollouts.devices')}>
                {children((devices) => (
                  <DeviceGrid devices={devices} />
                ))}
              </Panel>
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <RolloutFacts rollout={rollout} />
          </Grid.Col>
        </Grid>
        <Panel title={t('rollouts.deviceTable')} flush>
          {children((devices) => (
            <RolloutDeviceTable devices={devices} />
          ))}
        </Panel>
      </Stack>
    </>
  );
}

function RolloutStats({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const count = (state: keyof Rollout['counts']): number => rollout.counts[state] ?? 0;
  const wave = rollout.waves.find((each) => each.state === 'active');
  return (
    <Stats label={t('rollouts.numbers')}>
      <Stat
        label={t('rollouts.updated')}
        value={`${format.int(count('updated'))} / ${format.int(deviceTotal(rollout))}`}
        tone="good"
      />
      <Stat label={t('state.rolloutDevice.updating')} value={format.int(count('updating') + count('offered'))} />
      <Stat
        label={t('state.rolloutDevice.failed')}
        value={format.int(count('failed'))}
        tone={count('failed') > 0 ? 'bad' : undefined}
      />
      <Stat
        label={t('state.rolloutDevice.reverted')}
        value={format.int(count('reverted') + count('reverting'))}
        tone={count('reverted') + count('reverting') > 0 ? 'warn' : undefined}
      />
      <Stat
        label={t('rollouts.pending')}
        value={format.int(count('pending') + count('stalled'))}
        note={t('rollouts.pendingNote')}
      />
      <Stat label={t('rollouts.waiting')} value={format.int(count('waiting'))} />
      <Stat
        label={t('rollouts.wave')}
        value={wave ? `${wave.index + 1} / ${rollout.waves.length}` : format.int(rollout.waves.length)}
      />
    </Stats>
  );
}

function RolloutFacts({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return (
    <Panel title={t('rollouts.about')}>
      <Facts
        items={[
          [
            t('rollouts.version'),
            <TextLink
              key="version"
              to={to(`/versions/${rollout.model}@${rollout.version}`)}
              strong
            >{`${rollout.model} v${rollout.version}`}</TextLink>,
          ],
          [
            t('rollouts.release'),
            <TextLink key="release" to={to(`/releases/${rollout.releaseId}`)}>
              {rollout.release}
            </TextLink>,
          ],
          [
            t('devices.group'),
            <TextLink key="group" to={to(`/devices?group=${rollout.group}`)}>
              {rollout.group}
            </TextLink>,
          ],
          [t('rollouts.observe'), format.duration(rollout.gate.observeSeconds)],
          [t('rollouts.timeout'), format.duration(rollout.gate.deviceTimeoutSeconds)],
          [t('rollouts.minRequests'), format.int(rollout.gate.minRequests)],
          [
            t('rollouts.traffic'),
            `${format.duration(rollout.gate.trafficSeconds)}, ${t(`rollouts.noTraffic.${rollout.gate.whenNoTraffic}`)}`,
          ],
          [t('rollouts.minReached'), format.percent(rollout.gate.minReachedFraction, 0)],
          [t('work.by'), rollout.createdBy],
          [t('common.created'), <Ago key="created" at={rollout.createdAt} />],
          [t('work.finished'), <Ago key="finished" at={rollout.finishedAt} />],
        ]}
      />
    </Panel>
  );
}
