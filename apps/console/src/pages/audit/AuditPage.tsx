import { Checkbox, Group, TextInput } from '@mantine/core';
import type { AuditEntry } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages, type Pages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { useUser } from '../../session/session.js';
import classes from './audit.module.css';

const instant = (local: string): string | undefined =>
  Number.isNaN(Date.parse(local)) ? undefined : new Date(local).toISOString();

export function AuditPage(): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt'], '-createdAt');
  const filters = {
    action: get('action') || undefined,
    actor: get('actor') || undefined,
    from: instant(get('from')),
    to: instant(get('to')),
    outcome: get('outcome') === 'refused' ? ('refused' as const) : undefined,
  };
  const { administrator } = useUser();
  const everything = administrator && get('scope') === 'all';
  const query = { limit: 100, sort: order.sort, ...filters };
  const ofProject = usePages('audit.list', { params: { project: slug }, query }, { keep: true, enabled: !everything });
  const ofAll = usePages('audit.listAll', { query }, { keep: true, enabled: everything });
  const entries: Pages<Entry> = everything ? ofAll : ofProject;
  const columns = useColumns(everything);
  const filtered = Object.values(filters).some((value) => value !== undefined);
  return (
    <>
      <PageHeader title={t('audit.title')} note={t('audit.note')} />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('audit.action')} value={get('action')} onChange={(text) => set('action', text)} />
        <TextInput
          size="xs"
          w={{ base: '100%', xs: 200 }}
          aria-label={t('audit.actor')}
          placeholder={t('audit.actorHint')}
          value={get('actor')}
          onChange={(event) => set('actor', event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          type="datetime-local"
          aria-label={t('common.from')}
          value={get('from')}
          onChange={(event) => set('from', event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          type="datetime-local"
          aria-label={t('common.to')}
          value={get('to')}
          onChange={(event) => set('to', event.currentTarget.value)}
        />
        <Checkbox
          size="xs"
          label={t('audit.onlyRefused')}
          checked={get('outcome') === 'refused'}
          onChange={(event) => set('outcome', event.currentTarget.checked ? 'refused' : null)}
        />
        {administrator && (
          <Checkbox
            size="xs"
            label={t('audit.everything')}
            checked={everything}
            onChange={(event) => set('scope', event.currentTarget.checked ? 'all' : null)}
          />
        )}
      </Group>
      <Panel flush>
        <PagedTable
          label={t('audit.title')}
          columns={columns}
          pages={entries}
          order={order}
          rowKey={(entry) => entry.id}
          empty={
            filtered ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState title={t('audit.empty')} hint={t('audit.emptyHint')} />
            )
          }
        />
      </Panel>
    </>
  );
}

/** An entry of the audit of all says of which project it is. */
type Entry = AuditEntry & { project?: string | null };

function useColumns(everything: boolean): PagedColumn<Entry>[] {
  const { t } = useTranslation();
  const format = useFormat();
  return [
    { id: 'at', header: t('audit.at'), cell: (entry) => <Ago at={entry.at} />, sortBy: 'createdAt' },
    {
      id: 'exact',
      header: t('audit.time'),
      cell: (entry) => <span className={classes.exact}>{format.dateTime(entry.at)}</span>,
      from: 'lg',
    },
    ...(everything
      ? [{ id: 'project', header: t('audit.project'), cell: (entry: Entry) => entry.project ?? DASH }]
      : []),
    {
      id: 'actor',
      header: t('audit.actor'),
      cell: (entry) => [entry.actor.name, `(${t(`audit.kind.${entry.actor.kind}`)})`].filter(Boolean).join(' '),
    },
    {
      id: 'action',
      header: t('audit.action'),
      cell: (entry) => <code className={classes.action}>{entry.action}</code>,
    },
    {
      id: 'subject',
      header: t('audit.subject'),
      cell: (entry) => (entry.subject ? `${entry.subject.kind} ${entry.subject.name || entry.subject.id}` : DASH),
    },
    {
      id: 'outcome',
      header: t('audit.outcome'),
      cell: (entry) => (
        <StatePill tone={entry.outcome === 'success' ? 'good' : 'bad'}>
          {t(`audit.outcomes.${entry.outcome}`)}
        </StatePill>
      ),
    },
    { id: 'detail', header: t('audit.detail'), cell: (entry) => <Detail entry={entry} />, from: 'md' },
  ];
}

function Detail({ entry }: { entry: AuditEntry }): ReactNode {
  const { t } = useTranslation();
  if (Object.keys(entry.detail).length === 0) return DASH;
  return (
    <details className={classes.detail}>
      <summary>{t('audit.show')}</summary>
      <pre>{JSON.stringify(entry.detail, null, 2)}</pre>
    </details>
  );
}
