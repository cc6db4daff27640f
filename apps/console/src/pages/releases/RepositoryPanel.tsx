import { Stack, Text } from '@mantine/core';
import type { ReleaseRepository } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { DataTable, type Column } from '../../components/DataTable.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';

type Role = ReleaseRepository['roles'][number];
type Withdrawn = ReleaseRepository['withdrawn'][number];

/** When the signed metadata expires, who must sign it, and what people took back. */
export function RepositoryPanel(): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const repository = useRead('releases.repository', { params: { project: slug } });
  if (repository.data?.roles.length === 0) return null;
  return (
    <Panel title={t('releases.repository')} note={t('releases.repositoryNote')} flush>
      <QueryView query={repository} height={120}>
        {({ roles, withdrawn }) => (
          <Stack gap={0}>
            <RoleTable roles={roles} />
            {withdrawn.length > 0 && <WithdrawnTable withdrawn={withdrawn} />}
          </Stack>
        )}
      </QueryView>
    </Panel>
  );
}

function RoleTable({ roles }: { roles: readonly Role[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const columns: Column<Role>[] = [
    { id: 'role', header: t('releases.role'), cell: (x) => x.role },
    { id: 'version', header: t('releases.version'), cell: (x) => format.int(x.version) },
    {
      id: 'expires',
      header: t('releases.expires'),
      cell: (x) => (
        <StatePill tone={x.daysLeft < 0 ? 'bad' : x.daysLeft < 10 ? 'warn' : 'good'}>
          <Ago at={x.expiresAt} />
        </StatePill>
      ),
    },
    {
      id: 'keys',
      header: t('releases.keys'),
      cell: (x) => t('releases.mustSign', { threshold: x.threshold, keys: x.keyIds.length }),
      from: 'sm',
    },
  ];
  return <DataTable label={t('releases.repository')} columns={columns} rows={roles} rowKey={(x) => x.role} />;
}

function WithdrawnTable({ withdrawn }: { withdrawn: readonly Withdrawn[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const columns: Column<Withdrawn>[] = [
    { id: 'path', header: t('releases.withdrawn'), cell: (x) => x.path },
    { id: 'reason', header: t('releases.reason'), cell: (x) => x.reason },
    { id: 'since', header: t('releases.since'), cell: (x) => <Ago at={x.withdrawnAt} />, from: 'sm' },
    {
      id: 'running',
      header: t('releases.running'),
      cell: (x) =>
        x.running === 0 ? (
          format.int(0)
        ) : (
          <>
            <StatePill tone="bad">{format.int(x.running)}</StatePill>
            <Text size="xs" c="dimmed">
              {x.devices.map((device) => device.name).join(', ')}
              {x.running > x.devices.length && ` ${t('releases.andMore', { count: x.running - x.devices.length })}`}
            </Text>
          </>
        ),
    },
  ];
  return <DataTable label={t('releases.withdrawn')} columns={columns} rows={withdrawn} rowKey={(x) => x.path} />;
}
