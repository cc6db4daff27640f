import { Button, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { RolloutStateName, type Rollout } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { RolloutStatePill } from '../../components/JobStatePill.js';
import { ListSelect } from '../../components/ListSelect.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { StateFilter, statesOf } from '../../components/StateFilter.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';
import { CreateRolloutDialog } from './CreateRolloutDialog.js';
import { deviceTotal, WaveBar } from './WaveBar.js';

const REFRESH_MS = 5_000;

export function RolloutsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to, can } = useProject();
  const [get, set] = useAddressState();
  const [creating, create] = useDisclosure();
  const params = { project: slug };
  const order = useOrder(['createdAt', 'name'], '-createdAt');
  const q = get('q') || undefined;
  const state = statesOf(get('state'), RolloutStateName.options);
  const group = get('group') || undefined;
  const rollouts = usePages(
    'rollouts.list',
    { params, query: { limit: 50, sort: order.sort, q, state, group } },
    { every: REFRESH_MS, keep: true },
  );
  const columns = useColumns();
  const button = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('rollouts.create')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('rollouts.title')} note={t('rollouts.note')} actions={button} />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('rollouts.search')} value={get('q')} onChange={(text) => set('q', text)} />
        <StateFilter
          states={RolloutStateName.options}
          label={(value) => t(`state.rollout.${value}`)}
          value={get('state')}
          onChange={(value) => set('state', value)}
        />
        <ListSelect
          list="groups.list"
          size="xs"
          w={150}
          aria-label={t('devices.group')}
          placeholder={t('devices.group')}
          clearable
          value={group ?? null}
          onChange={(value) => set('group', value)}
        />
      </Group>
      <Panel flush>
        <PagedTable
          label={t('rollouts.title')}
          columns={columns}
          pages={rollouts}
          order={order}
          rowKey={(rollout) => rollout.id}
          rowTo={(rollout) => to(`/rollouts/${rollout.id}`)}
          empty={
            state || group || q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('rollouts.empty')}
                hint={t('rollouts.emptyHint')}
                command={commands.rollout}
                action={button}
              />
            )
          }
        />
      </Panel>
      {creating && <CreateRolloutDialog onClose={create.close} />}
    </>
  );
}

function useColumns(): PagedColumn<Rollout>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return [
    {
      id: 'name',
      header: t('rollouts.name'),
      cell: (rollout) => (
        <TextLink to={to(`/rollouts/${rollout.id}`)} strong>
          {rollout.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    {
      id: 'state',
      header: t('common.state'),
      cell: (rollout) => <RolloutStatePill state={rollout.state} />,
    },
    {
      id: 'version',
      header: t('rollouts.version'),
      cell: (rollout) => (
        <TextLink
          to={to(`/versions/${rollout.model}@${rollout.version}`)}
        >{`${rollout.model} v${rollout.version}`}</TextLink>
      ),
    },
    { id: 'group', header: t('devices.group'), cell: (rollout) => rollout.group },
    {
      id: 'waves',
      header: t('rollouts.progress'),
      cell: (rollout) => <WaveBar rollout={rollout} />,
      from: 'sm',
      width: 180,
    },
    {
      id: 'updated',
      header: t('rollouts.updated'),
      cell: (rollout) => `${format.int(rollout.counts.updated ?? 0)} / ${format.int(deviceTotal(rollout))}`,
      align: 'right',
    },
    {
      id: 'reason',
      header: t('rollouts.reason'),
      cell: (rollout) => (
        <Text fz="xs" c="dimmed" maw={300} lineClamp={2} title={rollout.reason}>
          {rollout.reason}
        </Text>
      ),
      from: 'lg',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (rollout) => <Ago at={rollout.createdAt} />,
      sortBy: 'createdAt',
    },
  ];
}
