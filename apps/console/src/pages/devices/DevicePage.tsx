import { Alert, Badge, Button, Grid, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Device } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useChange, useRead } from '../../api/query.js';
import { everyStep, lastHour } from '../../charts/buckets.js';
import { ErrorRateOverTime, LatencyOverTime } from '../../charts/LatencyOverTime.js';
import { RequestsOverTime } from '../../charts/RequestsOverTime.js';
import { Confirm } from '../../components/Confirm.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { ConnectionPill, runningName, UpdateState } from './columns.js';
import { DeviceHistory } from './DeviceHistory.js';
import { EditDeviceDialog } from './EditDeviceDialog.js';

const REFRESH_MS = 10_000;

export function DevicePage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('devices.title'), to: to('/devices') };
  const id = useParams()['device'] ?? '';
  const device = useRead('devices.get', { params: { project: slug, device: id } }, { every: REFRESH_MS });
  return (
    <QueryView query={device} back={back}>
      {(data) => <DeviceView device={data} />}
    </QueryView>
  );
}

function DeviceView({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const { to, can } = useProject();
  const [editing, edit] = useDisclosure();
  const actions = can('operator') && (
    <>
      <Button variant="default" onClick={edit.open}>
        {t('devices.edit')}
      </Button>
      {device.state === 'active' && <RevokeButton device={device} />}
      <DeleteButton kind="device" id={device.id} name={device.name} back={to('/devices')} />
    </>
  );
  return (
    <>
      <PageHeader
        title={device.name}
        crumbs={[{ label: t('devices.title'), to: to('/devices') }]}
        mark={<ConnectionPill device={device} />}
        note={<Digest value={device.id} digits={36} />}
        actions={actions}
      />
      <Stack gap="md">
        {device.error && (
          <Alert color="red" variant="outline" icon={<IconAlertTriangle aria-hidden />} title={device.error.code}>
            {device.error.message}
          </Alert>
        )}
        <DeviceStats device={device} />
        <Grid>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Stack gap="md">
              <Artifacts device={device} />
              <AboutDevice device={device} />
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Stack gap="md">
              <DeviceTelemetry device={device} />
              <DeviceHistory deviceId={device.id} />
            </Stack>
          </Grid.Col>
        </Grid>
      </Stack>
      {editing && <EditDeviceDialog device={device} onClose={edit.close} />}
    </>
  );
}

function DeviceStats({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Stats label={t('devices.numbers')}>
      <Stat label={t('devices.running')} value={runningName(device.active)} note={device.deviceClass} />
      <Stat label={t('devices.update')} value={<UpdateState state={device.updateState} />} />
      <Stat label={t('devices.lastSeen')} value={<Ago at={device.lastSeenAt} />} />
      <Stat label={t('devices.memory')} value={format.bytes(device.rssBytes)} />
      <Stat
        label={t('devices.spool')}
        value={format.int(device.spoolRecords)}
        note={device.spoolDropped ? t('devices.dropped', { count: device.spoolDropped }) : t('devices.spoolNote')}
        tone={device.spoolDropped ? 'warn' : undefined}
      />
    </Stats>
  );
}

function Artifacts({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const { to } = useProject();
  const row = (running: Device['active']): ReactNode =>
    running === null ? (
      DASH
    ) : (
      <Group gap="xs">
        {running.model && running.version !== null ? (
          <TextLink to={to(`/versions/${running.model}@${running.version}`)}>{runningName(running)}</TextLink>
        ) : null}
        <Digest value={running.manifestDigest} />
      </Group>
    );
  return (
    <Panel title={t('devices.artifacts')}>
      <Facts
        items={[
          [t('devices.active'), row(device.active)],
          [t('devices.desired'), row(device.desired)],
        ]}
      />
    </Panel>
  );
}

function AboutDevice({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const labels = Object.entries(device.labels);
  return (
    <Panel title={t('devices.about')}>
      <Facts
        items={[
          [t('devices.class'), device.deviceClass],
          [t('devices.group'), device.group ?? DASH],
          [
            t('devices.labels'),
            labels.length === 0 ? (
              DASH
            ) : (
              <Group gap={4}>
                {labels.map(([key, value]) => (
                  <Badge key={key} variant="default" tt="none" fw={400} radius="sm">
                    {key}={value}
                  </Badge>
                ))}
              </Group>
            ),
          ],
          [t('devices.enrolled'), <Ago key="enrolled" at={device.enrolledAt} />],
          [t('devices.certificate'), format.dateTime(device.certificateExpiresAt)],
          ...Object.entries(device.facts).map(
            ([key, value]) =>
              [
                key,
                <Text key={key} span ff="monospace" fz="xs">
                  {value}
                </Text>,
              ] as const,
          ),
        ]}
      />
    </Panel>
  );
}

function DeviceTelemetry({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const series = useRead(
    'telemetry.series',
    { params: { project: slug }, query: { device: device.id } },
    { every: REFRESH_MS, keep: true },
  );
  return (
    <Panel title={t('nav.telemetry')} note={t('overview.lastHour')}>
      <QueryView query={series} height={180}>
        {(data) => {
          const points = everyStep(data, lastHour());
          return (
            <Stack gap="lg">
              <RequestsOverTime points={points} height={140} />
              <SimpleGrid cols={{ base: 1, lg: 2 }}>
                <LatencyOverTime points={points} height={150} />
                <ErrorRateOverTime points={points} height={150} />
              </SimpleGrid>
            </Stack>
          );
        }}
      </QueryView>
    </Panel>
  );
}

function RevokeButton({ device }: { device: Device }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [asking, ask] = useDisclosure();
  const revoke = useChange('devices.revoke', ['groups']);
  return (
    <>
      <Button variant="outline" color="var(--verge-bad)" onClick={ask.open}>
        {t('devices.revoke')}
      </Button>
      <Confirm
        opened={asking}
        title={t('devices.revokeTitle', { name: device.name })}
        verb={t('devices.revoke')}
        danger
        busy={revoke.isPending}
        error={revoke.error}
        onClose={ask.close}
        onConfirm={() => revoke.mutate({ params: { project: slug, device: device.id } }, { onSuccess: ask.close })}
      >
        {t('devices.revokeNote')}
      </Confirm>
    </>
  );
}
