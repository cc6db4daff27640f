import type { Model } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type Column } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function ModelsPage(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug, to } = useProject();
  const models = usePages('models.list', { params: { project: slug }, query: { limit: 100 } });
  const columns: Column<Model>[] = [
    {
      id: 'name',
      header: t('models.name'),
      cell: (model) => (
        <TextLink to={to(`/models/${model.name}`)} strong>
          {model.name}
        </TextLink>
      ),
      sort: (model) => model.name,
    },
    { id: 'description', header: t('models.description'), cell: (model) => model.description || DASH, from: 'md' },
    { id: 'task', header: t('models.task'), cell: (model) => t(`models.tasks.${model.task}`), from: 'sm' },
    {
      id: 'versions',
      header: t('models.versions'),
      cell: (model) => format.int(model.versions),
      align: 'right',
      sort: (model) => model.versions,
    },
    {
      id: 'latest',
      header: t('models.latest'),
      cell: (model) =>
        model.latest ? (
          <TextLink to={to(`/versions/${model.name}@${model.latest.version}`)}>v{model.latest.version}</TextLink>
        ) : (
          DASH
        ),
    },
    {
      id: 'accuracy',
      header: t('measure.testAccuracy'),
      cell: (model) => format.percent(model.latest?.test?.accuracy, 2),
      align: 'right',
      sort: (model) => model.latest?.test?.accuracy,
    },
    {
      id: 'bytes',
      header: t('common.size'),
      cell: (model) => format.bytes(model.latest?.bytes),
      align: 'right',
      sort: (model) => model.latest?.bytes,
      from: 'sm',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (model) => <Ago at={model.createdAt} />,
      sort: (model) => model.createdAt,
      from: 'sm',
    },
  ];
  return (
    <>
      <PageHeader title={t('models.title')} note={t('models.note')} />
      <Panel flush>
        <PagedTable
          label={t('models.title')}
          columns={columns}
          pages={models}
          rowKey={(model) => model.id}
          rowTo={(model) => to(`/models/${model.name}`)}
          empty={<EmptyState title={t('models.empty')} hint={t('models.emptyHint')} command={commands.train} />}
        />
      </Panel>
    </>
  );
}
