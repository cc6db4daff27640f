import { Button, Select, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { roles, type Member, type Role } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { FormDialog } from '../../components/FormDialog.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { useProject } from '../../session/project.js';
import { DeleteProject } from './DeleteProject.js';

export function MembersPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, can } = useProject();
  const members = usePages('members.list', { params: { project: slug }, query: { limit: 100 } });
  const [adding, add] = useDisclosure();
  const [changing, setChanging] = useState<Member | null>(null);
  const [doomed, setDoomed] = useState<Member | null>(null);
  const remove = useChange('members.remove');
  const columns = useColumns(setChanging, setDoomed);
  const button = can('admin') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={add.open}>
      {t('members.add')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('members.title')} note={t('members.note')} actions={button} />
      <Panel flush>
        <PagedTable
          label={t('members.title')}
          columns={columns}
          pages={members}
          rowKey={(member) => member.id}
          empty={<EmptyState title={t('members.empty')} hint={t('members.emptyHint')} action={button} />}
        />
      </Panel>
      {can('admin') && <DeleteProject />}
      {adding && <AddMember onClose={add.close} />}
      {changing && <ChangeRole member={changing} onClose={() => setChanging(null)} />}
      <Confirm
        opened={doomed !== null}
        title={t('members.removeTitle', { name: doomed?.email ?? '' })}
        verb={t('members.remove')}
        danger
        busy={remove.isPending}
        error={remove.error}
        onClose={() => {
          setDoomed(null);
          remove.reset();
        }}
        onConfirm={() =>
          doomed && remove.mutate({ params: { project: slug, user: doomed.id } }, { onSuccess: () => setDoomed(null) })
        }
      >
        {t('members.removeNote')}
      </Confirm>
    </>
  );
}

function useColumns(onChange: (member: Member) => void, onRemove: (member: Member) => void): PagedColumn<Member>[] {
  const { t } = useTranslation();
  const { can } = useProject();
  return [
    { id: 'email', header: t('members.email'), cell: (member) => member.email },
    { id: 'name', header: t('members.name'), cell: (member) => member.name, from: 'sm' },
    { id: 'role', header: t('members.role'), cell: (member) => t(`role.${member.role}`) },
    {
      id: 'state',
      header: t('common.state'),
      cell: (member) => (
        <StatePill tone={member.disabled ? 'idle' : 'good'}>
          {t(member.disabled ? 'users.disabled' : 'users.enabled')}
        </StatePill>
      ),
      from: 'sm',
    },
    {
      id: 'actions',
      header: t('common.actions'),
      align: 'right',
      cell: (member) =>
        can('admin') && (
          <Button.Group style={{ justifyContent: 'flex-end' }}>
            <Button size="compact-xs" variant="default" onClick={() => onChange(member)}>
              {t('members.change')}
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => onRemove(member)}>
              {t('members.remove')}
            </Button>
          </Button.Group>
        ),
    },
  ];
}

function RoleSelect({ value, onChange }: { value: Role; onChange: (role: Role) => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Select
      label={t('members.role')}
      description={t('members.roleHint')}
      allowDeselect={false}
      data={roles.map((each) => ({ value: each, label: t(`role.${each}`) }))}
      value={value}
      onChange={(chosen) => onChange(roles.find((each) => each === chosen) ?? value)}
    />
  );
}

function AddMember({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const add = useChange('members.add');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('members.add')}
      verb={t('members.add')}
      busy={add.isPending}
      error={add.error}
      disabled={email.trim() === ''}
      onSubmit={() =>
        add.mutate({ params: { project: slug }, body: { email: email.trim(), role } }, { onSuccess: onClose })
      }
    >
      <TextInput
        label={t('members.email')}
        description={t('members.emailHint')}
        type="email"
        required
        data-autofocus
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <RoleSelect value={role} onChange={setRole} />
    </FormDialog>
  );
}

function ChangeRole({ member, onClose }: { member: Member; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const update = useChange('members.update', ['projects']);
  const [role, setRole] = useState<Role>(member.role);
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('members.changeTitle', { name: member.email })}
      verb={t('common.save')}
      busy={update.isPending}
      error={update.error}
      onSubmit={() =>
        update.mutate({ params: { project: slug, user: member.id }, body: { role } }, { onSuccess: onClose })
      }
    >
      <RoleSelect value={role} onChange={setRole} />
    </FormDialog>
  );
}
