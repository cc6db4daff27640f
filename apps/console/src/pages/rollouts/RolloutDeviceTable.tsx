import { Text } from '@mantine/core';
import type { RolloutDevice } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Pages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { Digest } from '../../components/Digest.js';
import { StatePill } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { rolloutDeviceTones } from '../../components/states.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { UpdateState } from '../devices/columns.js';

export function RolloutDeviceTable({ devices }: { devices: Pages<RolloutDevice> }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const columns: PagedColumn<RolloutDevice>[] = [
    {
      id: 'name',
      header: t('devices.name'),
      cell: (device) => (
        <TextLink to={to(`/devices/${device.deviceId}`)} strong>
          {device.name}
        </TextLink>
      ),
    },
    {
      id: 'wave',
      header: t('rollouts.wave'),
      cell: (device) => format.int(device.wave + 1),
    },
    {
      id: 'state',
      header: t('common.state'),
      cell: (device) => (
        <StatePill tone={rolloutDeviceTones[device.state]}>{t(`state.rolloutDevice.${device.state}`)}</StatePill>
      ),
    },
    {
      id: 'update',
      header: t('devices.update'),
      cell: (device) => <UpdateState state={device.updateState} />,
      from: 'md',
    },
    { id: 'class', header: t('devices.class'), cell: (device) => device.deviceClass, from: 'sm' },
    {
      id: 'requests',
      header: t('telemetry.requests'),
      cell: (device) => format.int(device.requests),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'errors',
      header: t('telemetry.errors'),
      cell: (device) => format.int(device.errors),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'p50',
      header: t('rollouts.p50Pair'),
      cell: (device) => `${format.ms(device.baselineP50Ms)} → ${format.ms(device.p50Ms)}`,
      align: 'right',
      from: 'md',
    },
    {
      id: 'sent',
      header: t('rollouts.sent'),
      cell: (device) => `${format.bytes(device.sentBytes)} / ${format.bytes(device.sentFileBytes)}`,
      align: 'right',
      from: 'lg',
    },
    {
      id: 'digest',
      header: t('rollouts.artifact'),
      cell: (device) => <Digest value={device.manifestDigest} />,
      from: 'lg',
    },
    {
      id: 'updated',
      header: t('rollouts.updatedAt'),
      cell: (device) => <Ago at={device.updatedAt} />,
      from: 'sm',
    },
    {
      id: 'error',
      header: t('devices.error'),
      cell: (device) =>
        device.error && (
          <Text fz="xs" c="var(--verge-bad)" title={device.error.message}>
            {device.error.code}
          </Text>
        ),
    },
  ];
  return (
    <PagedTable
      label={t('rollouts.deviceTable')}
      columns={columns}
      pages={devices}
      rowKey={(device) => device.deviceId}
      empty={<EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />}
    />
  );
}
