import { Button, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { Slug, type Group } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { EmptyState } from '../../components/EmptyState.js';
import { FormDialog } from '../../components/FormDialog.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchLine } from '../../components/SearchBox.js';
import { StatePill } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function GroupsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to, can } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'name'], '-createdAt');
  const q = get('q') || undefined;
  const query = { limit: 100, sort: order.sort, q };
  const groups = usePages('groups.list', { params: { project: slug }, query }, { keep: true });
  const [creating, create] = useDisclosure();
  const columns = useColumns();
  const button = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('groups.create')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('groups.title')} note={t('groups.note')} actions={button} />
      <SearchLine label={t('groups.search')} get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('groups.title')}
          columns={columns}
          pages={groups}
          order={order}
          rowKey={(group) => group.id}
          rowTo={(group) => to(`/devices?group=${group.name}`)}
          empty={
            q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('groups.empty')}
                hint={t('groups.emptyHint')}
                action={button}
                command={commands.group}
              />
            )
          }
        />
      </Panel>
      {creating && <CreateGroupDialog onClose={create.close} />}
    </>
  );
}

function useColumns(): PagedColumn<Group>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return [
    {
      id: 'name',
      header: t('groups.name'),
      cell: (group) => (
        <TextLink to={to(`/devices?group=${group.name}`)} strong>
          {group.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    { id: 'description', header: t('groups.description'), cell: (group) => group.description, from: 'sm' },
    {
      id: 'online',
      header: t('groups.online'),
      cell: (group) => (
        <StatePill tone={group.devices === 0 ? 'idle' : group.online === group.devices ? 'good' : 'warn'}>
          <TextLink to={to(`/devices?group=${group.name}&online=true`)} count={group.online}>
            {format.int(group.online)}
          </TextLink>
          {' / '}
          <TextLink to={to(`/devices?group=${group.name}`)} count={group.devices}>
            {format.int(group.devices)}
          </TextLink>
        </StatePill>
      ),
    },
    { id: 'created', header: t('common.created'), cell: (group) => <Ago at={group.createdAt} />, from: 'sm' },
    {
      id: 'remove',
      header: t('common.actions'),
      align: 'right',
      cell: (group) => <DeleteButton kind="group" id={group.id} name={group.name} size="compact-xs" />,
    },
  ];
}

function CreateGroupDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const create = useChange('groups.create');
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const bad = name !== '' && !Slug.safeParse(name).success;
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('groups.create')}
      verb={t('groups.create')}
      busy={create.isPending}
      error={create.error}
      disabled={name === '' || bad}
      onSubmit={() => create.mutate({ params: { project: slug }, body: { name, description } }, { onSuccess: onClose })}
    >
      <TextInput
        label={t('groups.name')}
        required
        data-autofocus
        value={name}
        error={bad && t('common.slugExpected')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label={t('groups.description')}
        autosize
        minRows={2}
        maxLength={2000}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
