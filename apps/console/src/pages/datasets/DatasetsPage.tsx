import type { Dataset } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { Digest } from '../../components/Digest.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchLine } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function DatasetsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'name', 'bytes'], '-createdAt');
  const q = get('q') || undefined;
  const query = { limit: 100, sort: order.sort, q };
  const datasets = usePages('datasets.list', { params: { project: slug }, query }, { keep: true });
  const columns = useColumns();
  return (
    <>
      <PageHeader title={t('datasets.title')} note={t('datasets.note')} />
      <SearchLine label={t('datasets.search')} get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('datasets.title')}
          columns={columns}
          pages={datasets}
          order={order}
          rowKey={(dataset) => dataset.id}
          rowTo={(dataset) => to(`/datasets/${dataset.name}`)}
          empty={
            q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState title={t('datasets.empty')} hint={t('datasets.emptyHint')} command={commands.dataset} />
            )
          }
        />
      </Panel>
    </>
  );
}

function useColumns(): PagedColumn<Dataset>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return [
    {
      id: 'name',
      header: t('datasets.name'),
      cell: (dataset) => (
        <TextLink to={to(`/datasets/${dataset.name}`)} strong>
          {dataset.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    { id: 'format', header: t('datasets.format'), cell: (dataset) => dataset.format },
    {
      id: 'classes',
      header: t('datasets.classes'),
      cell: (d) => (d.labels.length > 0 ? format.int(d.labels.length) : DASH),
      align: 'right',
      from: 'sm',
    },
    { id: 'files', header: t('datasets.files'), cell: (d) => format.int(d.fileCount), align: 'right', from: 'sm' },
    { id: 'bytes', header: t('common.size'), cell: (d) => format.bytes(d.bytes), align: 'right', sortBy: 'bytes' },
    { id: 'license', header: t('datasets.license'), cell: (d) => d.license || DASH, from: 'md' },
    { id: 'digest', header: t('common.digest'), cell: (d) => <Digest value={d.digest} />, from: 'md' },
    { id: 'created', header: t('common.created'), cell: (d) => <Ago at={d.createdAt} />, sortBy: 'createdAt' },
  ];
}
