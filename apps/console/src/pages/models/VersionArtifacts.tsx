import { Button, Group, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import type { Artifact, Version } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PageFoot, TableSkeleton } from '../../components/DataTable.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { Digest } from '../../components/Digest.js';
import { EmptyState } from '../../components/EmptyState.js';
import { ErrorState } from '../../components/ErrorState.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { compressCommand } from '../commands.js';
import { CreateCompressionDialog } from '../compressions/CreateCompressionDialog.js';
import { FidelityTable } from '../compressions/FidelityTable.js';
import { OfferedPill } from '../compressions/OfferedPill.js';
import { ReportTable } from '../compressions/ReportTable.js';
import classes from './models.module.css';

/** What was built of a version, one artifact a device class, each measured against the version in the same run. */
export function VersionArtifacts({ version }: { version: Version }): ReactNode {
  const { t } = useTranslation();
  const { slug, can } = useProject();
  const [creating, create] = useDisclosure();
  const artifacts = usePages('artifacts.list', {
    params: { project: slug },
    query: { version: version.id, limit: 20 },
  });
  const button = can('operator') && (
    <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('compressions.create')}
    </Button>
  );
  const name = `${version.model}@${version.version}`;
  return (
    <Panel title={t('models.artifacts')} note={t('models.artifactsNote')} actions={button} flush>
      {artifacts.isPending && <TableSkeleton rows={3} />}
      {artifacts.error && <ErrorState error={artifacts.error} onRetry={artifacts.refetch} />}
      {artifacts.items.map((artifact) => (
        <ArtifactReport key={artifact.id} artifact={artifact} />
      ))}
      {artifacts.total > 0 && <PageFoot pages={artifacts} />}
      {!artifacts.isPending && !artifacts.error && artifacts.total === 0 && (
        <EmptyState
          title={t('models.noArtifacts')}
          hint={t('models.noArtifactsHint')}
          command={compressCommand(name)}
        />
      )}
      {creating && <CreateCompressionDialog version={name} onClose={create.close} />}
    </Panel>
  );
}

function ArtifactReport({ artifact }: { artifact: Artifact }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return (
    <div className={classes.artifact}>
      <Stack gap={6} className={classes.side}>
        <Group gap="sm">
          <Text fw={600} size="sm">
            {artifact.deviceClass}
          </Text>
          <OfferedPill offered={artifact.offered} />
        </Group>
        <Text size="xs" c="dimmed">
          <TextLink to={to(`/compressions/${artifact.compressionId}`)}>{artifact.recipe}</TextLink> ·{' '}
          {format.bytes(artifact.bytes)}
        </Text>
        <Digest value={artifact.manifestDigest} />
        <Text size="xs" c="dimmed" component="div">
          {t('models.artifactId')} <Digest value={artifact.id} digits={8} />
        </Text>
        <Group>
          <DeleteButton
            kind="artifact"
            id={artifact.id}
            name={`${artifact.model}@${artifact.version}/${artifact.deviceClass}`}
            size="compact-xs"
          />
        </Group>
      </Stack>
      <Stack gap="md">
        <ReportTable report={artifact.report} />
        {artifact.report.after.fidelity && <FidelityTable fidelity={artifact.report.after.fidelity} />}
      </Stack>
    </div>
  );
}
