import { Stack } from '@mantine/core';
import type { Model, Version } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { usePages, useRead } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useOrder } from '../../components/useOrder.js';
import { judgedText } from '../../components/quality.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';

export function ModelPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('models.title'), to: to('/models') };
  const model = useParams()['model'] ?? '';
  const query = useRead('models.get', { params: { project: slug, model } });
  return (
    <QueryView query={query} back={back}>
      {(data) => <ModelView model={data} />}
    </QueryView>
  );
}

function ModelView({ model }: { model: Model }): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const order = useOrder(['createdAt', 'version', 'bytes'], '-createdAt');
  const query = { model: model.name, limit: 50, sort: order.sort };
  const versions = usePages('versions.list', { params: { project: slug }, query }, { keep: true });
  const columns = useVersionColumns();
  return (
    <>
      <PageHeader
        title={model.name}
        crumbs={[{ label: t('models.title'), to: to('/models') }]}
        note={model.description || t(`models.tasks.${model.task}`)}
        actions={<DeleteButton kind="model" id={model.id} name={model.name} back={to('/models')} />}
      />
      <Stack gap="md">
        <Panel title={t('models.versions')} flush>
          <PagedTable
            label={t('models.versions')}
            columns={columns}
            pages={versions}
            order={order}
            rowKey={(version) => version.id}
            rowTo={(version) => to(`/versions/${version.model}@${version.version}`)}
            empty={
              <EmptyState title={t('models.noVersions')} hint={t('models.noVersionsHint')} command={commands.train} />
            }
          />
        </Panel>
      </Stack>
    </>
  );
}

function useVersionColumns(): PagedColumn<Version>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const measured = (version: Version) => version.metrics.measurement;
  return [
    {
      id: 'version',
      header: t('models.version'),
      cell: (version) => (
        <TextLink to={to(`/versions/${version.model}@${version.version}`)} strong>
          v{version.version}
        </TextLink>
      ),
      sortBy: 'version',
    },
    { id: 'origin', header: t('models.origin'), cell: (version) => t(`models.origins.${version.origin}`) },
    {
      id: 'accuracy',
      header: t('measure.testQuality'),
      cell: (version) => judgedText(measured(version)?.quality?.[0], version.metrics.test, format),
      align: 'right',
    },
    {
      id: 'bytes',
      header: t('common.size'),
      cell: (version) => format.bytes(version.bytes),
      align: 'right',
      sortBy: 'bytes',
    },
    {
      id: 'parameters',
      header: t('measure.parameters'),
      cell: (v) => format.compact(measured(v)?.parameters),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'macs',
      header: t('measure.macs'),
      cell: (v) => format.compact(measured(v)?.macs),
      align: 'right',
      from: 'lg',
    },
    {
      id: 'p50',
      header: 'p50',
      cell: (v) => format.ms(measured(v)?.p50Ms),
      align: 'right',
    },
    {
      id: 'p95',
      header: 'p95',
      cell: (v) => format.ms(measured(v)?.p95Ms),
      align: 'right',
      from: 'md',
    },
    {
      id: 'rss',
      header: t('measure.peakMemory'),
      cell: (v) => format.bytes(measured(v)?.peakRssBytes),
      align: 'right',
      from: 'md',
    },
    {
      id: 'training',
      header: t('models.training'),
      cell: (v) =>
        v.trainingId ? <TextLink to={to(`/trainings/${v.trainingId}`)}>{v.trainingId.slice(-8)}</TextLink> : DASH,
      from: 'lg',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (v) => <Ago at={v.createdAt} />,
      sortBy: 'createdAt',
      from: 'sm',
    },
  ];
}
