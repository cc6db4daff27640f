import { Button, Group, Select } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { Flag, Slug } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages, useRead } from '../../api/query.js';
import { PagedTable } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { ListSelect } from '../../components/ListSelect.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
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
  const order = useOrder(['createdAt', 'name', 'deviceClass', 'lastSeenAt'], '-createdAt');
  const filters = {
    q: get('q') || undefined,
    group: get('group') || undefined,
    deviceClass: Slug.safeParse(get('class')).data,
    online: Flag.safeParse(get('online')).data,
    failing: Flag.safeParse(get('failing')).data,
    model: get('model') || undefined,
    version: get('version') || undefined,
  };
  const revoked = get('state') === 'revoked';
  const devices = usePages(
    'devices.list',
    {
      params: { project: slug },
      query: {
        limit: 100,
        sort: order.sort,
        state: revoked ? 'revoked' : 'active',
        ...filters,
      },
    },
    { every: REFRESH_MS, keep: true },
  );
  const filtered = revoked || Object.values(filters).some((value) => value !== undefined);
  const enrollButton = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={enroll.open}>
      {t('devices.enroll')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('devices.title')} actions={enrollButton} />
      <DeviceFilters get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('devices.title')}
          columns={columns}
          pages={devices}
          order={order}
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
  get: (name: string) => string;
  set: (name: string, value: string | null) => void;
}

function DeviceFilters({ get, set }: FilterProps): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const classes = useRead('devices.classes', { params: { project: slug } });
  const shown = { size: 'xs', w: { base: '47%', xs: 150 }, clearable: true } as const;
  const clear = { 'aria-label': t('common.clear') };
  const filter = (name: string, label: string, data: { value: string; label: string }[]): ReactNode => (
    <Select
      {...shown}
      aria-label={label}
      placeholder={label}
      clearButtonProps={clear}
      data={data}
      value={get(name) || null}
      onChange={(value) => set(name, value)}
    />
  );
  const list = (name: string, label: string, of: 'groups.list' | 'versions.list' | 'models.list'): ReactNode => (
    <ListSelect
      {...shown}
      list={of}
      aria-label={label}
      placeholder={label}
      value={get(name) || null}
      onChange={(value) => set(name, value)}
    />
  );
  return (
    <Group gap="xs" mb="sm">
      <SearchBox label={t('devices.search')} value={get('q')} onChange={(text) => set('q', text)} />
      {filter('online', t('devices.connection'), [
        { value: 'true', label: t('devices.online') },
        { value: 'false', label: t('devices.offline') },
      ])}
      {filter('failing', t('devices.health'), [
        { value: 'true', label: t('devices.failing') },
        { value: 'false', label: t('devices.healthy') },
      ])}
      {list('group', t('devices.group'), 'groups.list')}
      {filter(
        'class',
        t('devices.class'),
        classes.data?.items.map(({ name, devices }) => ({ value: name, label: `${name} (${devices})` })) ?? [],
      )}
      {list('version', t('devices.running'), 'versions.list')}
      {filter('state', t('devices.state'), [{ value: 'revoked', label: t('devices.revokedState') }])}
    </Group>
  );
}
