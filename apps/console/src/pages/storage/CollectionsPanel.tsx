import type { BlobCollection } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { Panel } from '../../components/Panel.js';
import { StatePill, type Tone } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { useFormat } from '../../i18n/format.js';

const tones: Record<BlobCollection['state'], Tone> = {
  running: 'busy',
  finished: 'good',
  refused: 'bad',
  failed: 'bad',
};

/** Collections and looks, newest first, and what each of them freed. */
export function CollectionsPanel({ every }: { every: number }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const runs = usePages('blobs.collections', { query: { limit: 20 } }, { every });
  const columns: PagedColumn<BlobCollection>[] = [
    { id: 'started', header: t('storage.started'), cell: (run) => <Ago at={run.startedAt} /> },
    { id: 'what', header: t('storage.what'), cell: (run) => t(run.dryRun ? 'storage.lookRun' : 'storage.collectRun') },
    {
      id: 'state',
      header: t('common.state'),
      cell: (run) => (
        <span title={run.reason || undefined}>
          <StatePill tone={tones[run.state]}>{t(`storage.state.${run.state}`)}</StatePill>
        </span>
      ),
    },
    { id: 'freed', header: t('storage.freed'), cell: (run) => format.bytes(run.freed.bytes), align: 'right' },
    {
      id: 'young',
      header: t('storage.young'),
      cell: (run) => format.bytes(run.young.bytes),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'held',
      header: t('storage.heldBefore'),
      cell: (run) => format.bytes(run.held.bytes),
      align: 'right',
      from: 'sm',
    },
    { id: 'by', header: t('work.by'), cell: (run) => run.requestedBy, from: 'md' },
  ];
  return (
    <Panel title={t('storage.runs')} flush>
      <PagedTable
        label={t('storage.runs')}
        columns={columns}
        pages={runs}
        rowKey={(run) => run.id}
        empty={<EmptyState title={t('storage.noRuns')} hint={t('storage.noRunsHint')} />}
      />
    </Panel>
  );
}
