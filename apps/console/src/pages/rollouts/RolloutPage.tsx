import { Alert, Grid, Stack } from '@mantine/core';
import {
  isFinal,
  rolloutLifecycle,
  RolloutDeviceStateName,
  type Rollout,
  type RolloutDevice,
  type RolloutDeviceState,
} from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import type { Pages } from '../../api/query.js';
import { useRollout } from '../../api/rollout.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { RolloutStatePill } from '../../components/JobStatePill.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { StateFilter, statesOf } from '../../components/StateFilter.js';
import type { Tone } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { rolloutTones } from '../../components/states.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { DeviceGrid } from './DeviceGrid.js';
import { GateTable } from './GateTable.js';
import { RolloutActions } from './RolloutActions.js';
import { RolloutDeviceTable } from './RolloutDeviceTable.js';
import { deviceTotal, WaveBar } from './WaveBar.js';
import { WaveSteps } from './WaveSteps.js';

export function RolloutPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('rollouts.title'), to: to('/rollouts') };
  const [get, set] = useAddressState();
  const state = statesOf(get('state'), RolloutDeviceStateName.options);
  const { rollout, devices } = useRollout(slug, useParams()['rollout'] ?? '', state);
  return (
    <QueryView query={rollout} back={back}>
      {(data) => <RolloutView rollout={data} devices={devices} state={state} onState={(next) => set('state', next)} />}
    </QueryView>
  );
}

interface ViewProps {
  rollout: Rollout;
  /** Those in the states that the address names. */
  devices: Pages<RolloutDevice>;
  state: string | undefined;
  onState: (state: string | null) => void;
}

function RolloutView({ rollout, devices, state, onState }: ViewProps): ReactNode {
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
        actions={
          isFinal(rolloutLifecycle, rollout.state) ? (
            <DeleteButton kind="rollout" id={rollout.id} name={rollout.name} back={to('/rollouts')} />
          ) : (
            can('operator') && <RolloutActions rollout={rollout} />
          )
        }
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
                <DeviceGrid rollout={rollout} devices={devices.items} />
              </Panel>
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <RolloutFacts rollout={rollout} />
          </Grid.Col>
        </Grid>
        <Panel
          title={t('rollouts.deviceTable')}
          flush
          actions={
            <StateFilter
              states={RolloutDeviceStateName.options}
              label={(value) => t(`state.rolloutDevice.${value}`)}
              value={state ?? ''}
              onChange={onState}
            />
          }
        >
          <RolloutDeviceTable devices={devices} />
        </Panel>
      </Stack>
    </>
  );
}

function RolloutStats({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const wave = rollout.waves.find((each) => each.state === 'active');
  const stat = (label: string, states: readonly RolloutDeviceState[], tone?: Tone, note?: string): ReactNode => {
    const count = states.reduce((sum, state) => sum + (rollout.counts[state] ?? 0), 0);
    return (
      <Stat
        label={label}
        value={format.int(count)}
        note={note}
        tone={count > 0 ? tone : undefined}
        count={count}
        to={to(`/rollouts/${rollout.id}?state=${states.join(',')}`)}
      />
    );
  };
  return (
    <Stats label={t('rollouts.numbers')}>
      {stat(
        t('rollouts.updated'),
        ['updated'],
        'good',
        t('overview.ofDevices', { total: format.int(deviceTotal(rollout)) }),
      )}
      {stat(t('state.rolloutDevice.updating'), ['offered', 'updating'])}
      {stat(t('state.rolloutDevice.failed'), ['failed'], 'bad')}
      {stat(t('state.rolloutDevice.reverted'), ['reverting', 'reverted'], 'warn')}
      {stat(t('rollouts.pending'), ['pending', 'stalled'], 'warn', t('rollouts.pendingNote'))}
      {stat(t('rollouts.waiting'), ['waiting'])}
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
