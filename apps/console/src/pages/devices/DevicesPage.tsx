import { Button, Group, Select } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import type { Device } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages, useRead } from '../../api/query.js';
import { PagedTable } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';
import { useDeviceColumns } from './columns.js';
import { EnrollDialog } from './EnrollDialog.js';
import { EnrollmentTokens } from './EnrollmentTokens.js';

const REFRESH_MS = 15_000;

export function DevicesPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to, can } = useProject();
  const [get, set] = useAddressState();
  const [enrolling, enroll] = useDisclosure();
  const columns = useDeviceColumns();
  const online = get('online');
  const state = get('state');
  const devices = usePages(
    'devices.list',
    {
      params: { project: slug },
      query: {
        limit: 100,
        q: get('q') || undefined,
        group: get('group') || undefined,
        deviceClass: get('class') || undefined,
        online: online === 'true' || online === 'false' ? online : undefined,
        state: state === 'revoked' ? 'revoked' : 'active',
      },
    },
    { every: REFRESH_MS, keep: true },
  );
  // The API has no such filter: failing devices are picked from the pages read so far.
  const failing = get('failing') === 'true';
  const pages = failing ? { ...devices, items: devices.items.filter((device) => device.error !== null) } : devices;
  const filtered = ['q', 'group', 'class', 'online', 'state', 'failing'].some((name) => get(name) !== '');
  const enrollButton = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={enroll.open}>
      {t('devices.enroll')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('devices.title')} actions={enrollButton} />
      <DeviceFilters devices={devices.items} get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('devices.title')}
          columns={columns}
          pages={pages}
          rowKey={(device) => device.id}
          rowTo={(device) => to(`/devices/${device.id}`)}
          empty={
            filtered ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('devices.empty')}
                hint={t('devices.emptyHint')}
                command={commands.enroll}
                action={enrollButton}
              />
            )
          }
        />
      </Panel>
      {can('operator') && <EnrollmentTokens />}
      <EnrollDialog opened={enrolling} onClose={enroll.close} />
    </>
  );
}

interface FilterProps {
  devices: readonly Device[];
  get: (name: string) => string;
  set: (name: string, value: string | null) => void;
}

function DeviceFilters({ devices, get, set }: FilterProps): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const groups = useRead('groups.list', { params: { project: slug }, query: { limit: 500 } });
  const classes = [...new Set([...devices.map((device) => device.deviceClass), get('class')])].filter(Boolean).sort();
  const filter = (name: string, label: string, data: { value: string; label: string }[]): ReactNode => (
    <Select
      size="xs"
      w={{ base: '47%', xs: 150 }}
      aria-label={label}
      placeholder={label}
      clearable
      clearButtonProps={{ 'aria-label': t('common.clear') }}
      data={data}
      value={get(name) || null}
      onChange={(value) => set(name, value)}
    />
  );
  const same = (names: readonly string[]) => names.map((name) => ({ value: name, label: name }));
  return (
    <Group gap="xs" mb="sm">
      <SearchBox label={t('devices.search')} value={get('q')} onChange={(text) => set('q', text)} />
      {filter('online', t('devices.connection'), [
        { value: 'true', label: t('devices.online') },
        { value: 'false', label: t('devices.offline') },
      ])}
      {filter('failing', t('devices.health'), [{ value: 'true', label: t('devices.failing') }])}
      {filter('group', t('devices.group'), same(groups.data?.items.map((group) => group.name) ?? []))}
      {filter('class', t('devices.class'), same(classes))}
      {filter('state', t('devices.state'), [{ value: 'revoked', label: t('devices.revokedState') }])}
    </Group>
  );
}
