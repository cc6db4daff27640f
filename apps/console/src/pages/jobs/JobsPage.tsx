import { Group, Select, Text } from '@mantine/core';
import { WorkItem } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { EmptyState } from '../../components/EmptyState.js';
import { JobProgressBar } from '../../components/JobProgressBar.js';
import { JobStateFilter, jobStatesOf } from '../../components/JobStateFilter.js';
import { JobStatePill } from '../../components/JobStatePill.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { isOpenJob } from '../../components/states.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { useProject } from '../../session/project.js';

const REFRESH_MS = 30_000;

/** Everything that workers do or did, whatever its kind. */
export function JobsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'startedAt', 'finishedAt'], '-createdAt');
  const kind = WorkItem.shape.kind.safeParse(get('kind')).data;
  const since = Date.parse(get('since'));
  const filters = {
    q: get('q') || undefined,
    state: jobStatesOf(get('state')),
    kind,
    finishedFrom: Number.isNaN(since) ? undefined : new Date(since).toISOString(),
  };
  const jobs = usePages(
    'jobs.list',
    { params: { project: slug }, query: { limit: 50, sort: order.sort, ...filters } },
    { every: REFRESH_MS, keep: true },
  );
  const filtered = Object.values(filters).some((value) => value !== undefined);
  return (
    <>
      <PageHeader title={t('jobs.title')} note={t('jobs.note')} />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('jobs.search')} value={get('q')} onChange={(text) => set('q', text)} />
        <JobStateFilter value={get('state')} onChange={(value) => set('state', value)} />
        <Select
          size="xs"
          w={150}
          aria-label={t('jobs.kind')}
          placeholder={t('jobs.kind')}
          clearable
          clearButtonProps={{ 'aria-label': t('common.clear') }}
          data={WorkItem.shape.kind.options.map((value) => ({ value, label: t(`jobs.kinds.${value}`) }))}
          value={kind ?? null}
          onChange={(value) => set('kind', value)}
        />
        {filters.finishedFrom && (
          <Text size="xs" c="dimmed">
            {t('jobs.finishedSince')} <Ago at={filters.finishedFrom} />
          </Text>
        )}
      </Group>
      <Panel flush>
        <PagedTable
          label={t('jobs.title')}
          columns={useColumns()}
          pages={jobs}
          order={order}
          rowKey={(job) => job.id}
          empty={
            filtered ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState title={t('jobs.empty')} hint={t('jobs.emptyHint')} />
            )
          }
        />
      </Panel>
    </>
  );
}

/** The name of a piece of work, with the way to its page where it has one. */
export function JobLink({ job }: { job: WorkItem }): ReactNode {
  const { to } = useProject();
  const name = job.name || job.model;
  if (job.kind === 'evaluation') return name;
  return (
    <TextLink to={to(`/${job.kind}s/${job.id}`)} strong>
      {name}
    </TextLink>
  );
}

function useColumns(): PagedColumn<WorkItem>[] {
  const { t } = useTranslation();
  return [
    { id: 'name', header: t('jobs.name'), cell: (job) => <JobLink job={job} /> },
    { id: 'kind', header: t('jobs.kind'), cell: (job) => t(`jobs.kinds.${job.kind}`) },
    { id: 'state', header: t('common.state'), cell: (job) => <JobStatePill state={job.state} /> },
    {
      id: 'progress',
      header: t('work.progress'),
      cell: (job) =>
        isOpenJob(job.state) ? (
          <JobProgressBar progress={job.progress} label={job.name} />
        ) : (
          <Text fz="xs" c="var(--verge-bad)" maw={340} truncate title={job.error ?? undefined}>
            {job.error}
          </Text>
        ),
      from: 'sm',
    },
    { id: 'by', header: t('work.by'), cell: (job) => job.createdBy, from: 'md' },
    {
      id: 'started',
      header: t('work.started'),
      cell: (job) => <Ago at={job.startedAt} />,
      sortBy: 'startedAt',
      from: 'md',
    },
    {
      id: 'finished',
      header: t('work.finished'),
      cell: (job) => <Ago at={job.finishedAt} />,
      sortBy: 'finishedAt',
      from: 'sm',
    },
    { id: 'created', header: t('common.created'), cell: (job) => <Ago at={job.createdAt} />, sortBy: 'createdAt' },
    {
      id: 'delete',
      header: t('common.actions'),
      align: 'right',
      // The others are deleted on their pages.
      cell: (job) =>
        job.kind === 'evaluation' &&
        !isOpenJob(job.state) && (
          <DeleteButton kind="evaluation" id={job.id} name={job.name || job.model} size="compact-xs" />
        ),
      from: 'sm',
    },
  ];
}
