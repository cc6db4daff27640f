import type { Model } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchLine } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { judgedText } from '../../components/quality.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function ModelsPage(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug, to } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'name'], '-createdAt');
  const q = get('q') || undefined;
  const query = { limit: 100, sort: order.sort, q };
  const models = usePages('models.list', { params: { project: slug }, query }, { keep: true });
  const columns: PagedColumn<Model>[] = [
    {
      id: 'name',
      header: t('models.name'),
      cell: (model) => (
        <TextLink to={to(`/models/${model.name}`)} strong>
          {model.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    { id: 'description', header: t('models.description'), cell: (model) => model.description || DASH, from: 'md' },
    { id: 'task', header: t('models.task'), cell: (model) => t(`models.tasks.${model.task}`), from: 'sm' },
    {
      id: 'versions',
      header: t('models.versions'),
      cell: (model) => format.int(model.versions),
      align: 'right',
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
      header: t('measure.testQuality'),
      cell: (model) => judgedText(model.latest?.quality, model.latest?.test, format),
      align: 'right',
    },
    {
      id: 'bytes',
      header: t('common.size'),
      cell: (model) => format.bytes(model.latest?.bytes),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (model) => <Ago at={model.createdAt} />,
      sortBy: 'createdAt',
      from: 'sm',
    },
  ];
  return (
    <>
      <PageHeader title={t('models.title')} note={t('models.note')} />
      <SearchLine label={t('models.search')} get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('models.title')}
          columns={columns}
          pages={models}
          order={order}
          rowKey={(model) => model.id}
          rowTo={(model) => to(`/models/${model.name}`)}
          empty={
            q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState title={t('models.empty')} hint={t('models.emptyHint')} command={commands.train} />
            )
          }
        />
      </Panel>
    </>
  );
}
