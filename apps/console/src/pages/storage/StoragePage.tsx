import { Alert, Button, Group, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { BlobCollection, BlobUsage } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, useRead } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { DataTable, type Column } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { Ago } from '../../components/Time.js';
import { useFormat } from '../../i18n/format.js';
import { useUser } from '../../session/session.js';
import { CollectionsPanel } from './CollectionsPanel.js';
import { RemovalsPanel } from './RemovalsPanel.js';

const REFRESH_MS = 3_000;

/** What blobs take up and what could be freed; what is being deleted in the background. For administrators. */
export function StoragePage(): ReactNode {
  const { t } = useTranslation();
  const me = useUser();
  const usage = useRead('blobs.usage', {}, { enabled: me.administrator, every: REFRESH_MS });
  if (!me.administrator) return <EmptyState title={t('users.forbidden')} hint={t('users.forbiddenHint')} />;
  return (
    <>
      <PageHeader
        title={t('storage.title')}
        note={t('storage.note')}
        actions={<Actions busy={isRunning(usage.data)} />}
      />
      <QueryView query={usage}>
        {(data) => (
          <Stack gap="md">
            <LastProblem last={data.last} />
            <UsageStats usage={data} />
            <ProjectsPanel usage={data} />
          </Stack>
        )}
      </QueryView>
      <Stack gap="md" mt="md">
        <CollectionsPanel every={REFRESH_MS} />
        <RemovalsPanel every={REFRESH_MS} />
      </Stack>
    </>
  );
}

const isRunning = (usage: BlobUsage | undefined): boolean => usage?.running !== undefined && usage.running !== null;

function Actions({ busy }: { busy: boolean }): ReactNode {
  const { t } = useTranslation();
  const look = useChange('blobs.collect');
  const collect = useChange('blobs.collect');
  const [asked, ask] = useDisclosure();
  return (
    <>
      <Button
        variant="default"
        loading={look.isPending}
        disabled={busy}
        onClick={() => look.mutate({ body: { dryRun: true } })}
      >
        {t('storage.look')}
      </Button>
      <Button variant="outline" color="var(--verge-bad)" disabled={busy} onClick={ask.open}>
        {t('storage.collect')}
      </Button>
      <Confirm
        opened={asked}
        title={t('storage.collect')}
        verb={t('storage.collect')}
        danger
        busy={collect.isPending}
        error={collect.error}
        onClose={() => {
          collect.reset();
          ask.close();
        }}
        onConfirm={() => collect.mutate({ body: { dryRun: false } }, { onSuccess: ask.close })}
      >
        {t('storage.collectNote')}
      </Confirm>
    </>
  );
}

function LastProblem({ last }: { last: BlobCollection | null }): ReactNode {
  const { t } = useTranslation();
  if (last === null || (last.state !== 'refused' && last.state !== 'failed')) return null;
  return (
    <Alert color="red" variant="outline" title={t(`storage.state.${last.state}`)}>
      {last.reason}
    </Alert>
  );
}

function UsageStats({ usage }: { usage: BlobUsage }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { held, collectable, last, running, graceHours, everyHours } = usage;
  const blobs = (count: number): string => t('storage.blobs', { count, n: format.int(count) });
  const every = everyHours > 0 ? t('storage.every', { hours: format.decimal(everyHours) }) : t('storage.byHand');
  return (
    <Stats label={t('storage.title')}>
      <Stat label={t('storage.held')} value={format.bytes(held.bytes)} note={blobs(held.blobs)} />
      <Stat
        label={t('storage.collectable')}
        value={collectable ? format.bytes(collectable.bytes) : t('storage.notLooked')}
        note={collectable ? <Ago at={collectable.at} /> : t('storage.grace', { hours: format.decimal(graceHours) })}
      />
      <Stat
        label={t('storage.last')}
        value={running ? t('storage.state.running') : last ? format.bytes(last.freed.bytes) : t('storage.never')}
        note={
          last ? (
            <Group gap={4}>
              {blobs(last.freed.blobs)} · <Ago at={last.startedAt} />
            </Group>
          ) : (
            every
          )
        }
      />
    </Stats>
  );
}

type Share = BlobUsage['projects'][number];

function ProjectsPanel({ usage }: { usage: BlobUsage }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const columns: Column<Share>[] = [
    { id: 'project', header: t('storage.project'), cell: (share) => share.project },
    { id: 'blobs', header: t('storage.count'), cell: (share) => format.int(share.blobs), align: 'right' },
    { id: 'bytes', header: t('common.size'), cell: (share) => format.bytes(share.bytes), align: 'right' },
  ];
  const { projects, moreProjects } = usage;
  return (
    <Panel
      title={t('storage.projects')}
      note={moreProjects > 0 ? t('common.more', { count: moreProjects }) : t('storage.projectsNote')}
      flush
    >
      {projects.length > 0 ? (
        <DataTable label={t('storage.projects')} columns={columns} rows={projects} rowKey={(share) => share.project} />
      ) : (
        <EmptyState title={t('storage.empty')} hint={t('storage.emptyHint')} />
      )}
    </Panel>
  );
}
