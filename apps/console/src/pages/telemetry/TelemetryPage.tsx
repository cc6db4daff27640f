import { Grid, SimpleGrid, Stack, Text } from '@mantine/core';
import type { TelemetryPoint, TelemetryTotals } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { Bars } from '../../charts/Bars.js';
import { everyStep } from '../../charts/buckets.js';
import { ErrorRateOverTime, LatencyOverTime } from '../../charts/LatencyOverTime.js';
import { RefusedOverTime } from '../../charts/RefusedOverTime.js';
import { RequestsOverTime } from '../../charts/RequestsOverTime.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';
import { FeatureTable } from './FeatureTable.js';
import { QuarantinePanel } from './QuarantinePanel.js';
import { TelemetryFilters, useTelemetryWindow } from './TelemetryFilters.js';

const REFRESH_MS = 15_000;
const CLASSES = 30;

export function TelemetryPage(): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const window = useTelemetryWindow();
  const asked = { params: { project: slug }, query: window.query };
  const every = window.moving ? REFRESH_MS : false;
  const totals = useRead('telemetry.totals', asked, { every, keep: true });
  const series = useRead('telemetry.series', asked, { every, keep: true });
  return (
    <>
      <PageHeader title={t('telemetry.title')} note={t('telemetry.note')} />
      <TelemetryFilters />
      <Stack gap="md">
        <QueryView query={totals}>{(data) => <Totals totals={data} />}</QueryView>
        <Panel>
          <QueryView query={series} height={220}>
            {(data) => <Charts points={everyStep(data, window.query)} />}
          </QueryView>
        </Panel>
        <QuarantinePanel device={window.query?.device} />
        <QueryView query={totals}>{(data) => <Distributions totals={data} />}</QueryView>
      </Stack>
    </>
  );
}

function Charts({ points }: { points: readonly TelemetryPoint[] }): ReactNode {
  return (
    <Stack gap="xl">
      <RequestsOverTime points={points} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
        <LatencyOverTime points={points} />
        <ErrorRateOverTime points={points} />
        <RefusedOverTime points={points} />
      </SimpleGrid>
    </Stack>
  );
}

function Totals({ totals }: { totals: TelemetryTotals }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const rate = totals.requests > 0 ? totals.errors / totals.requests : null;
  return (
    <Stats label={t('telemetry.numbers')}>
      <Stat
        label={t('telemetry.requests')}
        value={format.compact(totals.requests)}
        note={t('telemetry.fromDevices', { count: totals.devices })}
      />
      <Stat
        label={t('telemetry.errorRate')}
        value={format.percent(rate, 2)}
        note={t('overview.errorsNote', { count: totals.errors })}
        tone={rate !== null && rate > 0.01 ? 'bad' : undefined}
      />
      <Stat
        label={t('telemetry.callerErrors')}
        value={format.compact(totals.callerErrors)}
        note={t('telemetry.callerErrorsNote')}
      />
      <Stat
        label={t('telemetry.loadErrors')}
        value={format.compact(totals.loadErrors)}
        note={t('telemetry.loadErrorsNote')}
      />
      <Stat label="p50" value={format.ms(totals.p50Ms)} />
      <Stat label="p95" value={format.ms(totals.p95Ms)} />
      <Stat label="p99" value={format.ms(totals.p99Ms)} />
      <Stat
        label={t('telemetry.records')}
        value={format.compact(totals.records)}
        note={t('telemetry.duplicates', { count: totals.duplicates })}
      />
      {totals.leftOut > 0 && (
        <Stat
          label={t('telemetry.leftOut')}
          value={format.compact(totals.leftOut)}
          note={t('telemetry.leftOutNote')}
          tone="bad"
        />
      )}
      {totals.quarantined > 0 && (
        <Stat label={t('telemetry.quarantine')} value={format.compact(totals.quarantined)} tone="bad" />
      )}
    </Stats>
  );
}

function Distributions({ totals }: { totals: TelemetryTotals }): ReactNode {
  const { t } = useTranslation();
  if (totals.requests === 0) {
    return (
      <Panel>
        <EmptyState title={t('telemetry.empty')} hint={t('telemetry.emptyHint')} command={commands.infer} />
      </Panel>
    );
  }
  const classes = [...totals.classes].sort((a, b) => a.index - b.index);
  const more = classes.length - CLASSES;
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Panel title={t('telemetry.classes')} note={t('telemetry.classesNote')}>
          {more > 0 && (
            <Text size="xs" c="dimmed" mb="xs">
              {t('telemetry.firstClasses', { shown: CLASSES, count: classes.length })}
            </Text>
          )}
          {classes.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('telemetry.noClasses')}
            </Text>
          ) : (
            <Bars
              label={t('telemetry.classes')}
              items={classes.slice(0, CLASSES).map((each) => ({
                id: String(each.index),
                label: each.label || String(each.index),
                value: each.count,
              }))}
            />
          )}
        </Panel>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Panel title={t('telemetry.features')} note={t('telemetry.featuresNote')} flush>
          <FeatureTable features={totals.features} />
        </Panel>
      </Grid.Col>
    </Grid>
  );
}
