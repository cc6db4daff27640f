import { Text } from '@mantine/core';
import type { Device } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { PagedColumn } from '../../components/DataTable.js';
import { StatePill } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { DASH } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';

type Running = Device['active'];
export const runningName = (running: Running): string =>
  running === null
    ? DASH
    : running.model
      ? `${running.model} v${running.version ?? '?'}`
      : running.manifestDigest.slice('sha256:'.length, 'sha256:'.length + 12);

export function ConnectionPill({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  if (device.state === 'revoked') return <StatePill tone="bad">{t('devices.revokedState')}</StatePill>;
  return (
    <StatePill tone={device.online ? 'good' : 'idle'}>
      {t(device.online ? 'devices.online' : 'devices.offline')}
    </StatePill>
  );
}

const knownUpdateStates = [
  'idle',
  'checking',
  'downloading',
  'installing',
  'self-testing',
  'activating',
  'committed',
  'reverting',
  'failed',
] as const;
type KnownUpdateState = (typeof knownUpdateStates)[number];
const isKnown = (state: string): state is KnownUpdateState => (knownUpdateStates as readonly string[]).includes(state);

/** What the agent says it is doing; a newer agent's words are shown as they are. */
export function UpdateState({ state }: { state: string }): ReactNode {
  const { t } = useTranslation();
  if (!isKnown(state)) return state || DASH;
  if (state === 'idle')
    return (
      <Text span inherit c="dimmed">
        {t('state.update.idle')}
      </Text>
    );
  const tone = state === 'failed' ? 'bad' : state === 'reverting' ? 'warn' : state === 'committed' ? 'good' : 'busy';
  return <StatePill tone={tone}>{t(`state.update.${state}`)}</StatePill>;
}

export function useDeviceColumns(): PagedColumn<Device>[] {
  const { t } = useTranslation();
  const { to } = useProject();
  return [
    {
      id: 'name',
      header: t('devices.name'),
      cell: (device) => (
        <TextLink to={to(`/devices/${device.id}`)} strong>
          {device.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    {
      id: 'online',
      header: t('devices.connection'),
      cell: (device) => <ConnectionPill device={device} />,
    },
    {
      id: 'class',
      header: t('devices.class'),
      cell: (device) => device.deviceClass,
      from: 'sm',
      sortBy: 'deviceClass',
    },
    {
      id: 'group',
      header: t('devices.group'),
      cell: (device) => device.group ?? DASH,
      from: 'md',
    },
    {
      id: 'running',
      header: t('devices.running'),
      cell: (device) => <RunningCell device={device} />,
    },
    {
      id: 'update',
      header: t('devices.update'),
      cell: (device) => <UpdateState state={device.updateState} />,
    },
    {
      id: 'seen',
      header: t('devices.lastSeen'),
      cell: (device) => <Ago at={device.lastSeenAt} />,
      sortBy: 'lastSeenAt',
    },
    {
      id: 'error',
      header: t('devices.error'),
      cell: (device) =>
        device.error && (
          <Text fz="xs" c="var(--verge-bad)" maw={260} truncate title={`${device.error.code}: ${device.error.message}`}>
            {device.error.code}
          </Text>
        ),
      from: 'md',
    },
  ];
}

function RunningCell({ device }: { device: Device }): ReactNode {
  const { active, desired } = device;
  const moving = desired !== null && desired.manifestDigest !== active?.manifestDigest;
  return (
    <span style={{ whiteSpace: 'nowrap' }}>
      {runningName(active)}
      {moving && (
        <Text span fz="xs" c="dimmed">
          {' → '}
          {runningName(desired)}
        </Text>
      )}
    </span>
  );
}
