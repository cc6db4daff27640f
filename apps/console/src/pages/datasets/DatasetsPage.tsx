import type { Dataset } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type Column } from '../../components/DataTable.js';
import { Digest } from '../../components/Digest.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function DatasetsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const datasets = usePages('datasets.list', { params: { project: slug }, query: { limit: 100 } });
  const columns = useColumns();
  return (
    <>
      <PageHeader title={t('datasets.title')} note={t('datasets.note')} />
      <Panel flush>
        <PagedTable
          label={t('datasets.title')}
          columns={columns}
          pages={datasets}
          rowKey={(dataset) => dataset.id}
          rowTo={(dataset) => to(`/datasets/${dataset.name}`)}
          empty={<EmptyState title={t('datasets.empty')} hint={t('datasets.emptyHint')} command={commands.dataset} />}
        />
      </Panel>
    </>
  );
}

function useColumns(): Column<Dataset>[] {
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
      sort: (dataset) => dataset.name,
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
    { id: 'bytes', header: t('common.size'), cell: (d) => format.bytes(d.bytes), align: 'right', sort: (d) => d.bytes },
    { id: 'license', header: t('datasets.license'), cell: (d) => d.license || DASH, from: 'md' },
    { id: 'digest', header: t('common.digest'), cell: (d) => <Digest value={d.digest} />, from: 'md' },
    { id: 'created', header: t('common.created'), cell: (d) => <Ago at={d.createdAt} />, sort: (d) => d.createdAt },
  ];
}
