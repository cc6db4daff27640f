import { Stack, Text } from '@mantine/core';
import type { Release } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages, useRead } from '../../api/query.js';
import { CommandLine } from '../../components/CommandLine.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchLine } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands, signCommand } from '../commands.js';
import { RepositoryPanel } from './RepositoryPanel.js';

/** Artifacts that the signing commands name at most. */
const NAMED = 4;

export function ReleasesPage(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug, to } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'name'], '-createdAt');
  const q = get('q') || undefined;
  const query = { limit: 50, sort: order.sort, q };
  const releases = usePages('releases.list', { params: { project: slug }, query }, { keep: true });
  const columns: PagedColumn<Release>[] = [
    {
      id: 'name',
      header: t('releases.name'),
      cell: (release) => (
        <TextLink to={to(`/releases/${release.id}`)} strong>
          {release.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    { id: 'contents', header: t('releases.artifacts'), cell: (release) => contentsOf(release) },
    {
      id: 'targets',
      header: 'targets.json',
      cell: (release) => t('releases.targetsVersion', { version: format.int(release.targetsVersion) }),
      from: 'sm',
    },
    { id: 'by', header: t('work.by'), cell: (release) => release.createdBy, from: 'md' },
    {
      id: 'created',
      header: t('common.created'),
      cell: (release) => <Ago at={release.createdAt} />,
      sortBy: 'createdAt',
    },
  ];
  return (
    <>
      <PageHeader title={t('releases.title')} note={t('releases.note')} />
      <SearchLine label={t('releases.search')} get={get} set={set} />
      <Stack gap="md">
        <Panel flush>
          <PagedTable
            label={t('releases.title')}
            columns={columns}
            pages={releases}
            order={order}
            rowKey={(release) => release.id}
            rowTo={(release) => to(`/releases/${release.id}`)}
            empty={
              q ? (
                <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
              ) : (
                <EmptyState title={t('releases.empty')} hint={t('releases.emptyHint')} />
              )
            }
          />
        </Panel>
        <RepositoryPanel />
        <HowToSign none={releases.total === 0 && !q && !releases.isPending} />
      </Stack>
    </>
  );
}

/** digits v2 · edge-small, edge-large */
function contentsOf(release: Release): string {
  const versions = new Map<string, string[]>();
  for (const artifact of release.artifacts) {
    const name = `${artifact.model} v${artifact.version}`;
    versions.set(name, [...(versions.get(name) ?? []), artifact.deviceClass]);
  }
  return [...versions].map(([name, classes]) => `${name} · ${classes.join(', ')}`).join('; ');
}

/** Signing happens offline, with keys that the control plane never sees: the page only says how. */
function HowToSign({ none }: { none: boolean }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const query = { offered: 'true', released: 'false', limit: NAMED } as const;
  const waiting = useRead('artifacts.list', { params: { project: slug }, query });
  const named = waiting.data?.items ?? [];
  const first = named[0];
  return (
    <Panel title={t('releases.how')} note={waiting.data && t('releases.waiting', { count: waiting.data.total })}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t('releases.howNote')}
        </Text>
        {none && (
          <>
            <Text size="sm">{t('releases.howInit')}</Text>
            <CommandLine>{commands.init}</CommandLine>
          </>
        )}
        <Text size="sm">
          {first
            ? t('releases.howSign', { names: named.map((a) => `${a.model} v${a.version} ${a.deviceClass}`).join(', ') })
            : t('releases.howSignAny')}
        </Text>
        <CommandLine>
          {first
            ? signCommand(
                named.map((artifact) => artifact.id),
                `${first.model}-${first.version}`,
              )
            : commands.sign}
        </CommandLine>
      </Stack>
    </Panel>
  );
}
