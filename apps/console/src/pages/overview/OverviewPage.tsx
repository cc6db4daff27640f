import { SimpleGrid, Stack } from '@mantine/core';
import type { Overview } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { everyStep, lastHour } from '../../charts/buckets.js';
import { LatencyOverTime } from '../../charts/LatencyOverTime.js';
import { RequestsOverTime } from '../../charts/RequestsOverTime.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { Alarms } from './Alarms.js';
import { GettingStarted } from './GettingStarted.js';
import { FailingDevices } from './FailingDevices.js';
import { RunningWork } from './RunningWork.js';
import { VersionsInField } from './VersionsInField.js';

export function OverviewPage(): ReactNode {
  const { t } = useTranslation();
  const project = useProject();
  const params = { project: project.slug };
  const overview = useRead('overview.get', { params }, { every: 15_000 });
  const series = useRead('telemetry.series', { params, query: {} }, { every: 15_000, keep: true });
  const isNew = overview.data !== undefined && overview.data.models === 0 && overview.data.devices.total === 0;
  return (
    <>
      <PageHeader title={t('overview.title')} />
      <Stack gap="md">
        <QueryView query={overview} height={160}>
          {(data) => <OverviewStats data={data} />}
        </QueryView>
        <Alarms alarms={overview.data?.alarms ?? []} />
        {isNew && <GettingStarted />}
        <Panel title={t('overview.lastHourTitle')} note={t('overview.lastHourNote')}>
          <QueryView query={series} height={200}>
            {(data) => {
              const points = everyStep(data, lastHour());
              return (
                <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
                  <RequestsOverTime points={points} />
                  <LatencyOverTime points={points} />
                </SimpleGrid>
              );
            }}
          </QueryView>
        </Panel>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Stack gap="md">
            <RunningWork />
            <FailingDevices />
          </Stack>
          <Panel title={t('overview.versions')}>
            <QueryView query={overview}>{(data) => <VersionsInField versions={data.versionsInField} />}</QueryView>
          </Panel>
        </SimpleGrid>
      </Stack>
    </>
  );
}

function OverviewStats({ data }: { data: Overview }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const { devices, jobs, rollouts, telemetry } = data;
  const errorRate = telemetry.requestsLastHour > 0 ? telemetry.errorsLastHour / telemetry.requestsLastHour : null;
  const stopped = rollouts.paused + rollouts.reverting;
  const midnight = `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
  return (
    <Stats label={t('overview.numbers')}>
      <Stat label={t('overview.devices')} value={format.int(devices.total)} count={devices.total} to={to('/devices')} />
      <Stat
        label={t('overview.online')}
        value={format.int(devices.online)}
        note={t('overview.ofDevices', { total: format.int(devices.total) })}
        count={devices.online}
        to={to('/devices?online=true')}
      />
      <Stat
        label={t('overview.failing')}
        value={format.int(devices.failing)}
        tone={devices.failing > 0 ? 'bad' : undefined}
        note={devices.failing === 0 ? t('overview.allWell') : t('overview.needsCare')}
        count={devices.failing}
        to={to('/devices?failing=true')}
      />
      {devices.revoked > 0 && (
        <Stat
          label={t('overview.revoked')}
          value={format.int(devices.revoked)}
          count={devices.revoked}
          to={to('/devices?state=revoked')}
        />
      )}
      <Stat
        label={t('overview.jobs')}
        value={format.int(jobs.running)}
        tone={jobs.running > 0 ? 'busy' : undefined}
        count={jobs.running}
        to={to('/jobs?state=running,cancelling')}
      />
      <Stat
        label={t('overview.queued')}
        value={format.int(jobs.queued)}
        count={jobs.queued}
        to={to('/jobs?state=queued')}
      />
      <Stat
        label={t('overview.failedToday')}
        value={format.int(jobs.failedToday)}
        tone={jobs.failedToday > 0 ? 'bad' : undefined}
        note={t('overview.sinceMidnight')}
        count={jobs.failedToday}
        to={to(`/jobs?state=failed&since=${midnight}`)}
      />
      <Stat
        label={t('overview.rollouts')}
        value={format.int(rollouts.running)}
        tone={rollouts.running > 0 ? 'busy' : undefined}
        count={rollouts.running}
        to={to('/rollouts?state=running')}
      />
      <Stat
        label={t('overview.rolloutsStopped')}
        value={format.int(stopped)}
        tone={stopped > 0 ? 'warn' : undefined}
        count={stopped}
        to={to('/rollouts?state=paused,reverting')}
      />
      <Stat
        label={t('overview.requests')}
        value={format.compact(telemetry.requestsLastHour)}
        note={t('overview.lastHour')}
        to={to('/telemetry')}
      />
      <Stat
        label={t('overview.errors')}
        value={format.percent(errorRate, 2)}
        tone={errorRate !== null && errorRate > 0.01 ? 'bad' : undefined}
        note={t('overview.errorsNote', { count: telemetry.errorsLastHour })}
        to={to('/telemetry')}
      />
      <Stat
        label={t('overview.p50')}
        value={format.ms(telemetry.p50Ms)}
        note={t('overview.perRequest')}
        to={to('/telemetry')}
      />
      <Stat
        label={t('overview.p95')}
        value={format.ms(telemetry.p95Ms)}
        note={t('overview.perRequest')}
        to={to('/telemetry')}
      />
    </Stats>
  );
}
