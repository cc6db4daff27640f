import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import type { Dataset, DatasetFile } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { usePages, useRead } from '../../api/query.js';
import { compactJson } from '../../components/compact-json.js';
import { CodeView } from '../../components/CodeView.js';
import { CommandLine } from '../../components/CommandLine.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { trainCommand } from '../commands.js';

export function DatasetPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('datasets.title'), to: to('/datasets') };
  const dataset = useParams()['dataset'] ?? '';
  const query = useRead('datasets.get', { params: { project: slug, dataset } });
  return (
    <QueryView query={query} back={back}>
      {(data) => <DatasetView dataset={data} />}
    </QueryView>
  );
}

/** Labels that are drawn. */
const LABELS = 200;

function DatasetView({ dataset }: { dataset: Dataset }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return (
    <>
      <PageHeader
        title={dataset.name}
        crumbs={[{ label: t('datasets.title'), to: to('/datasets') }]}
        note={dataset.description || undefined}
        actions={<DeleteButton kind="dataset" id={dataset.id} name={dataset.name} back={to('/datasets')} />}
      />
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Panel title={t('datasets.about')}>
            <Facts
              items={[
                [t('common.digest'), <Digest key="digest" value={dataset.digest} />],
                [t('datasets.format'), dataset.format],
                [t('common.size'), format.bytes(dataset.bytes)],
                [t('datasets.split'), dataset.split],
                [t('datasets.source'), dataset.source || DASH],
                [t('datasets.license'), dataset.license || DASH],
                [t('common.created'), <Ago key="created" at={dataset.createdAt} />],
              ]}
            />
          </Panel>
          <Panel
            title={t('datasets.classes')}
            note={dataset.labels.length > 0 ? format.int(dataset.labels.length) : undefined}
          >
            {dataset.labels.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t('datasets.noLabels')}
              </Text>
            ) : (
              <Group gap={4}>
                {dataset.labels.slice(0, LABELS).map((label, index) => (
                  <Badge key={index} variant="default" tt="none" fw={400} radius="sm">
                    {label}
                  </Badge>
                ))}
                {dataset.labels.length > LABELS && (
                  <Text size="xs" c="dimmed">
                    {t('common.more', { count: dataset.labels.length - LABELS })}
                  </Text>
                )}
              </Group>
            )}
          </Panel>
        </SimpleGrid>
        <Panel title={t('datasets.trainOn')}>
          <CommandLine>{trainCommand(dataset.name)}</CommandLine>
        </Panel>
        {dataset.preprocess && (
          <Panel title={t('datasets.preprocess')}>
            <CodeView text={compactJson(dataset.preprocess)} label={t('datasets.preprocess')} />
          </Panel>
        )}
        <Panel title={t('datasets.files')} note={format.int(dataset.fileCount)} flush>
          <DatasetFiles dataset={dataset.name} />
        </Panel>
      </Stack>
    </>
  );
}

/** Its files by path, a page at a time: there may be a million. */
function DatasetFiles({ dataset }: { dataset: string }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug } = useProject();
  const files = usePages('datasets.files', { params: { project: slug, dataset }, query: { limit: 200 } });
  const columns: PagedColumn<DatasetFile>[] = [
    {
      id: 'path',
      header: t('datasets.path'),
      cell: (file) => (
        <Text ff="monospace" fz="xs">
          {file.path}
        </Text>
      ),
    },
    { id: 'bytes', header: t('common.size'), cell: (file) => format.bytes(file.bytes), align: 'right' },
    { id: 'digest', header: t('common.digest'), cell: (file) => <Digest value={file.digest} /> },
  ];
  return (
    <PagedTable
      label={t('datasets.files')}
      columns={columns}
      pages={files}
      rowKey={(file) => file.path}
      empty={
        <Text size="sm" c="dimmed" p="md">
          {DASH}
        </Text>
      }
    />
  );
}
