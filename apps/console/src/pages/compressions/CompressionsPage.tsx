import { Button, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import type { Compression, CompressionReport } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
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
import { comparedQuality, qualityOf, sameFigure } from '../../components/quality.js';
import { DASH, type Format, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';
import { CreateCompressionDialog } from './CreateCompressionDialog.js';
import { OfferedPill } from './OfferedPill.js';

const REFRESH_MS = 5_000;

export function CompressionsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to, can } = useProject();
  const [get, set] = useAddressState();
  const [creating, create] = useDisclosure();
  const order = useOrder(['createdAt', 'model', 'finishedAt'], '-createdAt');
  const q = get('q') || undefined;
  const state = jobStatesOf(get('state'));
  const compressions = usePages(
    'compressions.list',
    { params: { project: slug }, query: { limit: 50, sort: order.sort, q, state } },
    { every: REFRESH_MS, keep: true },
  );
  const columns = useColumns();
  const button = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('compressions.create')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('compressions.title')} note={t('compressions.note')} actions={button} />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('jobs.search')} value={get('q')} onChange={(text) => set('q', text)} />
        <JobStateFilter value={get('state')} onChange={(value) => set('state', value)} />
      </Group>
      <Panel flush>
        <PagedTable
          label={t('compressions.title')}
          columns={columns}
          pages={compressions}
          order={order}
          rowKey={(compression) => compression.id}
          rowTo={(compression) => to(`/compressions/${compression.id}`)}
          empty={
            state || q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('compressions.empty')}
                hint={t('compressions.emptyHint')}
                command={commands.compress}
                action={button}
              />
            )
          }
        />
      </Panel>
      {creating && <CreateCompressionDialog onClose={create.close} />}
    </>
  );
}

/** The change of the figure that the result is judged by. */
function qualityChange({ before, after }: CompressionReport, format: Format): string {
  const [source] = qualityOf(before);
  const result = source && sameFigure(qualityOf(after), source);
  return source && result ? `${source.metric} ${comparedQuality(source, result, format).words}` : DASH;
}

function useColumns(): PagedColumn<Compression>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const howOf = (x: Compression): string => x.recipe?.name ?? t('compressions.search');
  const sizeRatio = (x: Compression) =>
    x.report && x.report.before.bytes > 0 ? x.report.after.bytes / x.report.before.bytes - 1 : null;
  const speedRatio = (x: Compression) =>
    x.report && x.report.before.p50Ms && x.report.after.p50Ms !== null
      ? x.report.after.p50Ms / x.report.before.p50Ms - 1
      : null;
  return [
    {
      id: 'recipe',
      header: t('compressions.recipe'),
      cell: (x) => (
        <TextLink to={to(`/compressions/${x.id}`)} strong>
          {howOf(x)}
        </TextLink>
      ),
    },
    {
      id: 'version',
      header: t('compressions.version'),
      cell: (x) => <TextLink to={to(`/versions/${x.versionId}`)}>{`${x.model} v${x.version}`}</TextLink>,
      sortBy: 'model',
    },
    { id: 'target', header: t('compressions.target'), cell: (x) => x.target.name },
    {
      id: 'state',
      header: t('common.state'),
      cell: (x) =>
        isOpenJob(x.state) && x.state !== 'queued' ? (
          <JobProgressBar progress={x.progress} label={howOf(x)} />
        ) : (
          <JobStatePill state={x.state} />
        ),
    },
    {
      id: 'size',
      header: t('common.size'),
      cell: (x) => (x.report ? `${format.bytes(x.report.after.bytes)} (${format.change(sizeRatio(x))})` : DASH),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'accuracy',
      header: t('measure.quality'),
      cell: (x) => (x.report ? qualityChange(x.report, format) : DASH),
      align: 'right',
      from: 'md',
    },
    {
      id: 'p50',
      header: 'p50',
      cell: (x) => (x.report ? `${format.ms(x.report.after.p50Ms)} (${format.change(speedRatio(x))})` : DASH),
      align: 'right',
      from: 'md',
    },
    {
      id: 'offered',
      header: t('compressions.verdict'),
      cell: (x) => {
        if (x.report) return <OfferedPill offered={x.report.offered} />;
        return x.search && x.state === 'succeeded' ? <OfferedPill offered={false} /> : DASH;
      },
      from: 'sm',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (x) => <Ago at={x.createdAt} />,
      sortBy: 'createdAt',
      from: 'sm',
    },
  ];
}
