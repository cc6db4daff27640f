import { ActionIcon, Button, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDots, IconPlus } from '@tabler/icons-react';
import type { User } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { DASH } from '../../i18n/format.js';
import { useUser } from '../../session/session.js';
import { ConfirmUserAction, type UserAction } from './ConfirmUserAction.js';
import { CreateUser, EditUser, ResetPassword } from './UserDialogs.js';

type Asked = { user: User; what: UserAction | 'edit' | 'reset' };

/** All users, for administrators. */
export function UsersPage(): ReactNode {
  const { t } = useTranslation();
  const me = useUser();
  const users = usePages('users.list', { query: { limit: 100 } }, { enabled: me.administrator });
  const [creating, create] = useDisclosure();
  const [asked, setAsked] = useState<Asked | null>(null);
  const columns = useColumns(setAsked);
  const close = (): void => setAsked(null);
  if (!me.administrator) return <EmptyState title={t('users.forbidden')} hint={t('users.forbiddenHint')} />;
  const button = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('users.create')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('users.title')} note={t('users.note')} actions={button} />
      <Panel flush>
        <PagedTable
          label={t('users.title')}
          columns={columns}
          pages={users}
          rowKey={(user) => user.id}
          empty={<EmptyState title={t('users.empty')} hint={t('users.emptyHint')} action={button} />}
        />
      </Panel>
      {creating && <CreateUser onClose={create.close} />}
      {asked?.what === 'edit' && <EditUser user={asked.user} onClose={close} />}
      {asked?.what === 'reset' && <ResetPassword user={asked.user} onClose={close} />}
      {asked && asked.what !== 'edit' && asked.what !== 'reset' && (
        <ConfirmUserAction user={asked.user} action={asked.what} onClose={close} />
      )}
    </>
  );
}

function useColumns(ask: (asked: Asked) => void): PagedColumn<User>[] {
  const { t } = useTranslation();
  return [
    { id: 'email', header: t('users.email'), cell: (user) => user.email },
    { id: 'name', header: t('users.name'), cell: (user) => user.name, from: 'sm' },
    {
      id: 'state',
      header: t('common.state'),
      cell: (user) => (
        <StatePill tone={user.disabledAt ? 'idle' : 'good'}>
          {t(user.disabledAt ? 'users.disabled' : 'users.enabled')}
        </StatePill>
      ),
    },
    {
      id: 'administrator',
      header: t('users.administrator'),
      cell: (user) => t(user.administrator ? 'account.yes' : 'account.no'),
      from: 'sm',
    },
    {
      id: 'memberships',
      header: t('users.memberships'),
      cell: (user) => user.memberships.map((m) => `${m.project} (${t(`role.${m.role}`)})`).join(', ') || DASH,
      from: 'md',
    },
    { id: 'created', header: t('common.created'), cell: (user) => <Ago at={user.createdAt} />, from: 'lg' },
    {
      id: 'actions',
      header: t('common.actions'),
      align: 'right',
      cell: (user) => <UserMenu user={user} ask={(what) => ask({ user, what })} />,
    },
  ];
}

function UserMenu({ user, ask }: { user: User; ask: (what: Asked['what']) => void }): ReactNode {
  const { t } = useTranslation();
  const mine = useUser().id === user.id;
  return (
    <Menu shadow="md" position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t('users.actionsFor', { name: user.email })}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => ask('edit')}>{t('users.edit')}</Menu.Item>
        <Menu.Item onClick={() => ask('reset')}>{t('users.reset')}</Menu.Item>
        {!mine && <Menu.Item onClick={() => ask('endSessions')}>{t('users.endSessions')}</Menu.Item>}
        {!mine && user.disabledAt && <Menu.Item onClick={() => ask('enable')}>{t('users.enable')}</Menu.Item>}
        {!mine && !user.disabledAt && <Menu.Item onClick={() => ask('disable')}>{t('users.disable')}</Menu.Item>}
        {!mine && (
          <Menu.Item color="red.8" onClick={() => ask('delete')}>
            {t('users.delete')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
