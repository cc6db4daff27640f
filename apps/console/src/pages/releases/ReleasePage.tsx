import { Button, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconRocket } from '@tabler/icons-react';
import type { Release } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useRead } from '../../api/query.js';
import { CommandLine } from '../../components/CommandLine.js';
import { DataTable, type Column } from '../../components/DataTable.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { StatePill } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { GROUP, rolloutCommand } from '../commands.js';
import { CreateRolloutDialog } from '../rollouts/CreateRolloutDialog.js';

type Signed = Release['artifacts'][number];

export function ReleasePage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('releases.title'), to: to('/releases') };
  const release = useParams()['release'] ?? '';
  const query = useRead('releases.get', { params: { project: slug, release } });
  return (
    <QueryView query={query} back={back}>
      {(data) => <ReleaseView release={data} />}
    </QueryView>
  );
}

function ReleaseView({ release }: { release: Release }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug, to, can } = useProject();
  const [creating, create] = useDisclosure();
  const groups = useRead('groups.list', { params: { project: slug }, query: { limit: 1 } });
  const metadata = useRead('releases.metadata', { params: { project: slug } });
  const columns: Column<Signed>[] = [
    {
      id: 'version',
      header: t('releases.version'),
      cell: (x) => (
        <TextLink to={to(`/versions/${x.model}@${x.version}`)} strong>{`${x.model} v${x.version}`}</TextLink>
      ),
    },
    { id: 'class', header: t('devices.class'), cell: (x) => x.deviceClass },
    {
      id: 'withdrawn',
      header: t('releases.withdrawn'),
      cell: (x) => (x.withdrawn ? <StatePill tone="bad">{x.withdrawn.reason}</StatePill> : DASH),
    },
    { id: 'digest', header: t('releases.manifest'), cell: (x) => <Digest value={x.manifestDigest} /> },
    { id: 'id', header: t('releases.artifactId'), cell: (x) => <Digest value={x.id} digits={8} />, from: 'sm' },
  ];
  return (
    <>
      <PageHeader
        title={release.name}
        crumbs={[{ label: t('releases.title'), to: to('/releases') }]}
        note={release.notes || undefined}
        actions={
          can('operator') && (
            <>
              <Button leftSection={<IconRocket size={14} aria-hidden />} onClick={create.open}>
                {t('releases.rollOut')}
              </Button>
              <DeleteButton kind="release" id={release.id} name={release.name} back={to('/releases')} />
            </>
          )
        }
      />
      <Stack gap="md">
        <Panel title={t('releases.artifacts')} flush>
          <DataTable label={t('releases.artifacts')} columns={columns} rows={release.artifacts} rowKey={(x) => x.id} />
        </Panel>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Panel title={t('releases.about')}>
            <Facts
              items={[
                ['targets.json', t('releases.targetsVersion', { version: format.int(release.targetsVersion) })],
                [t('work.by'), release.createdBy],
                [t('common.created'), <Ago key="created" at={release.createdAt} />],
              ]}
            />
          </Panel>
          <Panel title={t('releases.metadata')} note={t('releases.metadataNote')}>
            <QueryView query={metadata} height={50}>
              {({ files }) => (
                <Text ff="monospace" fz="xs" lh={1.8}>
                  {files.map((file) => file.name).join('  ') || DASH}
                </Text>
              )}
            </QueryView>
          </Panel>
        </SimpleGrid>
        <Panel title={t('releases.rollOutCli')}>
          <CommandLine>{rolloutCommand(release.name, groups.data?.items[0]?.name ?? GROUP)}</CommandLine>
        </Panel>
      </Stack>
      {creating && <CreateRolloutDialog release={release.name} onClose={create.close} />}
    </>
  );
}
