import type { Removal } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { useFormat } from '../../i18n/format.js';

/** What is gone for everybody, and how far its rows are deleted. */
export function RemovalsPanel({ every }: { every: number }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const removals = usePages('removals.list', { query: { limit: 20 } }, { every });
  const columns: PagedColumn<Removal>[] = [
    { id: 'name', header: t('storage.name'), cell: (removal) => removal.name },
    { id: 'kind', header: t('storage.kind'), cell: (removal) => t(`storage.kinds.${removal.kind}`) },
    {
      id: 'state',
      header: t('common.state'),
      cell: (removal) =>
        removal.finishedAt ? (
          <StatePill tone="good">{t('storage.done')}</StatePill>
        ) : (
          <StatePill tone="busy">{removal.stage}</StatePill>
        ),
    },
    { id: 'rows', header: t('storage.rows'), cell: (removal) => format.int(removal.removedRows), align: 'right' },
    { id: 'by', header: t('work.by'), cell: (removal) => removal.requestedBy, from: 'sm' },
    { id: 'at', header: t('storage.started'), cell: (removal) => <Ago at={removal.createdAt} />, from: 'sm' },
  ];
  return (
    <Panel title={t('storage.removals')} note={t('storage.removalsNote')} flush>
      <PagedTable
        label={t('storage.removals')}
        columns={columns}
        pages={removals}
        rowKey={(removal) => removal.id}
        empty={<EmptyState title={t('storage.noRemovals')} hint={t('storage.noRemovalsHint')} />}
      />
    </Panel>
  );
}
