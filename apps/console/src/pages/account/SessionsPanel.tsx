import { Button } from '@mantine/core';
import type { Session } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { DASH } from '../../i18n/format.js';

export function SessionsPanel(): ReactNode {
  const { t } = useTranslation();
  const sessions = usePages('sessions.list', { query: { limit: 100 } });
  const end = useChange('sessions.delete');
  const endOthers = useChange('sessions.deleteOthers');
  const [asked, setAsked] = useState(false);
  const columns: PagedColumn<Session>[] = [
    { id: 'source', header: t('account.from'), cell: (session) => session.source || DASH },
    { id: 'program', header: t('account.program'), cell: (session) => session.userAgent || DASH, from: 'md' },
    { id: 'begun', header: t('account.begun'), cell: (session) => <Ago at={session.createdAt} /> },
    { id: 'expires', header: t('account.expires'), cell: (session) => <Ago at={session.expiresAt} />, from: 'sm' },
    {
      id: 'end',
      header: t('common.actions'),
      align: 'right',
      cell: (session) =>
        session.current ? (
          <StatePill tone="good">{t('account.thisOne')}</StatePill>
        ) : (
          <Button
            size="compact-xs"
            variant="default"
            loading={end.isPending && end.variables.params.session === session.id}
            onClick={() => end.mutate({ params: { session: session.id } })}
          >
            {t('account.end')}
          </Button>
        ),
    },
  ];
  return (
    <Panel
      title={t('account.sessions')}
      flush
      actions={
        <Button size="compact-xs" variant="default" onClick={() => setAsked(true)}>
          {t('account.endOthers')}
        </Button>
      }
    >
      <PagedTable
        label={t('account.sessions')}
        columns={columns}
        pages={sessions}
        rowKey={(session) => session.id}
        empty={<EmptyState title={t('account.noSessions')} hint={t('account.noSessionsHint')} />}
      />
      <Confirm
        opened={asked}
        title={t('account.endOthers')}
        verb={t('account.endOthers')}
        busy={endOthers.isPending}
        error={endOthers.error ?? end.error}
        onClose={() => setAsked(false)}
        onConfirm={() => endOthers.mutate({}, { onSuccess: () => setAsked(false) })}
      >
        {t('account.endOthersNote')}
      </Confirm>
    </Panel>
  );
}
