import { SimpleGrid, Stack } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import type { Training, TrainingPoint } from '@verge/contracts';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api/client.js';
import { isGone, queryKeyOf } from '../../api/query.js';
import { seriesColor } from '../../app/theme.js';
import { Curves } from '../../charts/Curves.js';
import { DataTable, type Column } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { ErrorState } from '../../components/ErrorState.js';
import { JobStatePill } from '../../components/JobStatePill.js';
import { MissingState } from '../../components/MissingState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { PageLoader } from '../../components/PageLoader.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { useAddressState } from '../../components/useAddressState.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { trainingName } from './name.js';
import { inBackground } from '../../inBackground.js';

const REFRESH_MS = 5_000;

interface Run {
  training: Training;
  points: readonly TrainingPoint[];
  color: string;
}

/** Several trainings' curves on one chart. */
export function ComparePage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const [get] = useAddressState();
  const ids = get('ids').split(',').filter(Boolean);
  const results = useQueries({
    queries: ids.map((training) => {
      const args = { params: { project: slug, training } };
      return {
        queryKey: [...queryKeyOf('trainings.get', args), 'with points'],
        queryFn: async () => {
          const [run, points] = await Promise.all([
            client.call('trainings.get', args),
            client.call('trainings.points', args),
          ]);
          return { training: run, points: points.items };
        },
        refetchInterval: REFRESH_MS,
      };
    }),
  });
  const failed = results.find((result) => result.error && !result.data);
  const runs = results.flatMap((result, index): Run[] =>
    result.data ? [{ ...result.data, color: seriesColor(index) }] : [],
  );
  const header = (
    <PageHeader title={t('trainings.compare')} crumbs={[{ label: t('trainings.title'), to: to('/trainings') }]} />
  );
  if (ids.length === 0)
    return (
      <>
        {header}
        <EmptyState title={t('trainings.compareNone')} hint={t('trainings.compareHint')} />
      </>
    );
  if (isGone(failed?.error))
    return (
      <MissingState back={{ label: t('trainings.title'), to: to('/trainings') }} hint={t('trainings.compareGone')} />
    );
  if (failed?.error)
    return (
      <>
        {header}
        <ErrorState error={failed.error} onRetry={() => inBackground(failed.refetch())} />
      </>
    );
  if (runs.length === 0) return <PageLoader />;
  return (
    <>
      {header}
      <Stack gap="md">
        <Panel>
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
            <CompareChart runs={runs} title={t('trainings.valLossByEpoch')} of={(point) => point.valLoss} kind="loss" />
            <CompareChart
              runs={runs}
              title={t('trainings.valAccuracyByEpoch')}
              of={(point) => point.valAccuracy}
              kind="accuracy"
            />
          </SimpleGrid>
        </Panel>
        <Panel flush>
          <CompareTable runs={runs} />
        </Panel>
      </Stack>
    </>
  );
}

interface ChartProps {
  runs: readonly Run[];
  title: string;
  of: (point: TrainingPoint) => number;
  kind: 'loss' | 'accuracy';
}

function CompareChart({ runs, title, of, kind }: ChartProps): ReactNode {
  const format = useFormat();
  const rows = useMemo(() => {
    const byEpoch = new Map<number, Record<string, number | null>>();
    for (const run of runs) {
      for (const point of run.points) {
        const row = byEpoch.get(point.epoch) ?? { x: point.epoch };
        row[run.training.id] = of(point);
        byEpoch.set(point.epoch, row);
      }
    }
    return [...byEpoch.values()].sort((a, b) => (a['x'] ?? 0) - (b['x'] ?? 0));
  }, [of, runs]);
  const value = (y: number): string => (kind === 'loss' ? format.decimal(y, 4) : format.percent(y, 1));
  const summary = runs.map(
    (run) => `${trainingName(run.training)}: ${value(run.points.length > 0 ? of(run.points.at(-1)!) : NaN)}`,
  );
  return (
    <Curves
      title={title}
      summary={summary.join('; ')}
      rows={rows}
      curves={runs.map((run) => ({ name: run.training.id, label: trainingName(run.training), color: run.color }))}
      xLabel={(epoch) => format.int(epoch)}
      yLabel={value}
      height={300}
      from={kind === 'loss' ? 0 : undefined}
      to={kind === 'accuracy' ? 1 : undefined}
    />
  );
}

function CompareTable({ runs }: { runs: readonly Run[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const bestOf = (run: Run): number | null =>
    run.points.length === 0 ? null : Math.max(...run.points.map((point) => point.valAccuracy));
  const columns: Column<Run>[] = [
    {
      id: 'name',
      header: t('trainings.name'),
      cell: (run) => (
        <>
          <span
            aria-hidden
            style={{
              display: 'inline-block',
              width: 10,
              height: 10,
              marginRight: 8,
              borderRadius: 2,
              background: run.color,
            }}
          />
          <TextLink to={to(`/trainings/${run.training.id}`)} strong>
            {trainingName(run.training)}
          </TextLink>
        </>
      ),
    },
    { id: 'state', header: t('common.state'), cell: (run) => <JobStatePill state={run.training.state} /> },
    { id: 'source', header: t('trainings.architecture'), cell: (run) => sourceOf(run.training), from: 'sm' },
    {
      id: 'optimizer',
      header: t('trainings.optimizer'),
      cell: (run) => `${run.training.config.optimizer.name} ${run.training.config.optimizer.learningRate}`,
      from: 'sm',
    },
    {
      id: 'batch',
      header: t('trainings.batch'),
      cell: (run) => format.int(run.training.config.batchSize),
      align: 'right',
      from: 'md',
    },
    {
      id: 'seed',
      header: t('trainings.seed'),
      cell: (run) => String(run.training.config.seed),
      align: 'right',
      from: 'md',
    },
    {
      id: 'epochs',
      header: t('trainings.epochs'),
      cell: (run) => `${run.points.length} / ${run.training.config.epochs}`,
      align: 'right',
    },
    {
      id: 'val',
      header: t('trainings.bestVal'),
      cell: (run) => format.percent(bestOf(run), 2),
      align: 'right',
      sort: bestOf,
    },
    {
      id: 'test',
      header: t('measure.testAccuracy'),
      cell: (run) => (run.training.test ? format.percent(run.training.test.accuracy, 2) : DASH),
      align: 'right',
      sort: (run) => run.training.test?.accuracy,
    },
  ];
  return <DataTable label={t('trainings.compare')} columns={columns} rows={runs} rowKey={(run) => run.training.id} />;
}

const sourceOf = (training: Training): string => {
  const { model } = training.config;
  return 'architecture' in model ? model.architecture : 'ONNX';
};
