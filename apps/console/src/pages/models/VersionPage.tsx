import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import type { Lineage, Version } from '@verge/contracts';
import type { TFunction } from 'i18next';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useRead } from '../../api/query.js';
import { compactJson } from '../../components/compact-json.js';
import { CodeView } from '../../components/CodeView.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { intervalText, metricName, qualityText } from '../../components/quality.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { LineageGraph } from './LineageGraph.js';
import { VersionArtifacts } from './VersionArtifacts.js';

export function VersionPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('models.title'), to: to('/models') };
  const version = useParams()['version'] ?? '';
  const query = useRead('versions.get', { params: { project: slug, version } });
  return (
    <QueryView query={query} back={back}>
      {(data) => <VersionView version={data} />}
    </QueryView>
  );
}

function VersionView({ version }: { version: Version }): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const lineage = useRead('versions.lineage', { params: { project: slug, version: version.id } });
  return (
    <>
      <PageHeader
        title={`${version.model} v${version.version}`}
        crumbs={[
          { label: t('models.title'), to: to('/models') },
          { label: version.model, to: to(`/models/${version.model}`) },
        ]}
        mark={
          <Badge variant="default" tt="none" fw={500} radius="sm">
            {t(`models.origins.${version.origin}`)}
          </Badge>
        }
        note={<Digest value={version.digest} digits={24} />}
        actions={
          <DeleteButton
            kind="version"
            id={version.id}
            name={`${version.model}@${version.version}`}
            back={to(`/models/${version.model}`)}
          />
        }
      />
      <Stack gap="md">
        <VersionStats version={version} />
        <VersionArtifacts version={version} />
        <Panel title={t('models.lineage')} note={t('models.lineageNote')}>
          <QueryView query={lineage} height={160}>
            {(data) => (
              <>
                <LineageGraph lineage={data} here={version.id} />
                {data.goesOn && (
                  <Text size="xs" c="dimmed">
                    {t('models.lineageGoesOn')}
                  </Text>
                )}
              </>
            )}
          </QueryView>
        </Panel>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <AboutVersion version={version} lineage={lineage.data} />
          <Interface version={version} />
        </SimpleGrid>
      </Stack>
    </>
  );
}

function VersionStats({ version }: { version: Version }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { measurement, test, validation } = version.metrics;
  const [judged] = measurement?.quality ?? [];
  return (
    <Stats label={t('models.numbers')}>
      {judged && !test ? (
        <Stat
          label={metricName(judged, t)}
          value={qualityText(judged, format)}
          note={intervalText(judged, format) ?? t('measure.samples', { count: judged.samples })}
        />
      ) : (
        <>
          <Stat
            label={t('measure.testAccuracy')}
            value={format.percent(test?.accuracy, 2)}
            note={test ? t('measure.samples', { count: test.samples }) : t('models.notEvaluated')}
          />
          <Stat label={t('measure.valAccuracy')} value={format.percent(validation?.accuracy, 2)} />
        </>
      )}
      <Stat label={t('common.size')} value={format.bytes(version.bytes)} />
      <Stat
        label={t('measure.parameters')}
        value={format.compact(measurement?.parameters)}
        note={measurement ? t('measure.macsNote', { macs: format.compact(measurement.macs) }) : undefined}
      />
      <Stat
        label={t('measure.p50')}
        value={format.ms(measurement?.p50Ms)}
        note={measurement ? t('measure.p95Note', { p95: format.ms(measurement.p95Ms) }) : undefined}
      />
      <Stat
        label={t('measure.peakMemory')}
        value={format.bytes(measurement?.peakRssBytes)}
        note={measurement?.machine}
      />
    </Stats>
  );
}

function AboutVersion({ version, lineage }: { version: Version; lineage: Lineage | undefined }): ReactNode {
  const { t } = useTranslation();
  const { to } = useProject();
  const nameOf = (id: string): string => lineage?.nodes.find((node) => node.id.endsWith(id))?.name ?? id.slice(-8);
  const link = (id: string | null, path: string): ReactNode =>
    id ? <TextLink to={to(`${path}/${id}`)}>{nameOf(id)}</TextLink> : DASH;
  return (
    <Panel title={t('models.about')}>
      <Facts
        items={[
          [t('models.training'), link(version.trainingId, '/trainings')],
          [t('models.dataset'), link(version.datasetId, '/datasets')],
          [t('models.teacher'), link(version.teacherVersionId, '/versions')],
          [t('models.task'), t(`models.tasks.${version.task}`)],
          [t('models.machine'), version.metrics.measurement?.machine ?? DASH],
          [t('models.notes'), version.notes || DASH],
          [t('common.created'), <Ago key="created" at={version.createdAt} />],
        ]}
      />
    </Panel>
  );
}

/** What was declared where the file leaves it open. */
function portFacts({ inputs = {}, dims = {}, output }: Version['ports'], t: TFunction): [string, ReactNode][] {
  const lines = (record: Record<string, string | number>): ReactNode =>
    Object.entries(record).map(([name, value]) => (
      <Text key={name} ff="monospace" fz="xs">
        {name} = {value}
      </Text>
    ));
  const facts: [string, ReactNode, boolean][] = [
    [t('models.fed'), lines(inputs), Object.keys(inputs).length > 0],
    [t('models.openSizes'), lines(dims), Object.keys(dims).length > 0],
    [t('models.classOutput'), output, output !== undefined],
  ];
  return facts.flatMap(([name, value, said]): [string, ReactNode][] => (said ? [[name, value]] : []));
}

function Interface({ version }: { version: Version }): ReactNode {
  const { t } = useTranslation();
  const tensors = (specs: Version['inputs']): ReactNode =>
    specs.map((spec) => (
      <Text key={spec.name} ff="monospace" fz="xs">
        {spec.name}: {spec.dtype}[{spec.shape.map((d) => (d === -1 ? 'N' : d)).join(', ')}]
      </Text>
    ));
  return (
    <Panel title={t('models.interface')}>
      <Stack gap="md">
        <Facts
          items={[
            [t('models.inputs'), tensors(version.inputs)],
            [t('models.outputs'), tensors(version.outputs)],
            ...portFacts(version.ports, t),
            [
              t('models.labels'),
              version.labels.length === 0 ? (
                DASH
              ) : (
                <Group gap={4}>
                  {version.labels.slice(0, 100).map((label, index) => (
                    <Badge key={index} variant="default" tt="none" fw={400} radius="sm">
                      {label}
                    </Badge>
                  ))}
                </Group>
              ),
            ],
          ]}
        />
        {version.preprocess && <CodeView text={compactJson(version.preprocess)} label={t('models.preprocess')} />}
      </Stack>
    </Panel>
  );
}
