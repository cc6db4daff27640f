import { Button, Code, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { roles, type ApiToken, type Role } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { FormDialog } from '../../components/FormDialog.js';
import { Panel } from '../../components/Panel.js';
import { Ago } from '../../components/Time.js';
import { useProject } from '../../session/project.js';

export function TokensPanel(): ReactNode {
  const { t } = useTranslation();
  const tokens = usePages('tokens.list', { query: { limit: 100 } });
  const revoke = useChange('tokens.delete');
  const [creating, create] = useDisclosure();
  const [asked, setAsked] = useState<ApiToken | null>(null);
  const columns = useColumns(setAsked);
  const button = (
    <Button size="compact-xs" variant="default" onClick={create.open}>
      {t('account.createToken')}
    </Button>
  );
  return (
    <Panel title={t('account.tokens')} note={t('account.tokensNote')} actions={button} flush>
      <PagedTable
        label={t('account.tokens')}
        columns={columns}
        pages={tokens}
        rowKey={(token) => token.id}
        empty={<EmptyState title={t('account.noTokens')} hint={t('account.noTokensHint')} action={button} />}
      />
      {creating && <CreateToken onClose={create.close} />}
      <Confirm
        opened={asked !== null}
        title={t('account.revokeTitle', { name: asked?.name ?? '' })}
        verb={t('account.revoke')}
        danger
        busy={revoke.isPending}
        error={revoke.error}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && revoke.mutate({ params: { token: asked.id } }, { onSuccess: () => setAsked(null) })}
      >
        {t('account.revokeNote')}
      </Confirm>
    </Panel>
  );
}

function useColumns(onRevoke: (token: ApiToken) => void): PagedColumn<ApiToken>[] {
  const { t } = useTranslation();
  return [
    { id: 'name', header: t('account.name'), cell: (token) => token.name },
    { id: 'project', header: t('account.project'), cell: (token) => token.project ?? t('account.allProjects') },
    { id: 'role', header: t('account.role'), cell: (token) => t(`role.${token.role}`) },
    { id: 'used', header: t('account.lastUsed'), cell: (token) => <Ago at={token.lastUsedAt} />, from: 'sm' },
    {
      id: 'expires',
      header: t('account.expires'),
      cell: (token) => (token.expiresAt ? <Ago at={token.expiresAt} /> : t('account.never')),
    },
    {
      id: 'revoke',
      header: t('common.actions'),
      align: 'right',
      cell: (token) => (
        <Button size="compact-xs" variant="default" onClick={() => onRevoke(token)}>
          {t('account.revoke')}
        </Button>
      ),
    },
  ];
}

function CreateToken({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const create = useChange('tokens.create');
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('operator');
  const [days, setDays] = useState<number | string>(90);
  if (create.data) return <Secret token={create.data.token} onClose={onClose} />;
  const expiresInDays = typeof days === 'number' ? days : null;
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('account.createToken')}
      verb={t('account.createToken')}
      busy={create.isPending}
      error={create.error}
      disabled={name.trim() === ''}
      onSubmit={() => create.mutate({ body: { name, project: slug, role, expiresInDays } })}
    >
      <Text size="sm">{t('account.tokenFor', { project: slug })}</Text>
      <TextInput
        label={t('account.name')}
        required
        maxLength={120}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Select
        label={t('account.role')}
        allowDeselect={false}
        data={roles.map((each) => ({ value: each, label: t(`role.${each}`) }))}
        value={role}
        onChange={(value) => setRole(roles.find((each) => each === value) ?? role)}
      />
      <NumberInput
        label={t('account.days')}
        description={t('account.daysHint')}
        min={1}
        max={3650}
        allowDecimal={false}
        value={days}
        onChange={setDays}
      />
    </FormDialog>
  );
}

function Secret({ token, onClose }: { token: string; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('account.secret')}
      verb={t('common.done')}
      busy={false}
      error={null}
      onSubmit={onClose}
    >
      <Stack gap="xs">
        <Text size="sm">{t('account.secretNote')}</Text>
        <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {token}
        </Code>
      </Stack>
    </FormDialog>
  );
}
