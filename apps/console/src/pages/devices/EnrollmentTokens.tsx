import { Button } from '@mantine/core';
import type { EnrollmentToken } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago } from '../../components/Time.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';

/** Tokens that can still enrol a device; revoked, expired and used-up ones are left out. */
export function EnrollmentTokens(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug } = useProject();
  const params = { project: slug };
  const tokens = usePages('enrollment.list', { params, query: { usable: 'true', limit: 50 } });
  const revoke = useChange('enrollment.revoke');
  const [asked, setAsked] = useState<EnrollmentToken | null>(null);
  if (tokens.items.length === 0 && !tokens.error) return null;
  const columns: PagedColumn<EnrollmentToken>[] = [
    { id: 'name', header: t('devices.tokenName'), cell: (token) => token.name || token.id.slice(-8) },
    { id: 'class', header: t('devices.class'), cell: (token) => token.deviceClass },
    { id: 'group', header: t('devices.group'), cell: (token) => token.group ?? DASH, from: 'sm' },
    {
      id: 'uses',
      header: t('devices.used'),
      cell: (token) => `${format.int(token.uses)} / ${format.int(token.maxUses)}`,
      align: 'right',
    },
    {
      id: 'state',
      header: t('devices.expires'),
      cell: (token) => (
        <StatePill tone="good">
          <Ago at={token.expiresAt} />
        </StatePill>
      ),
    },
    {
      id: 'revoke',
      header: t('common.actions'),
      align: 'right',
      cell: (token) => (
        <Button size="compact-xs" variant="default" onClick={() => setAsked(token)}>
          {t('devices.revokeToken')}
        </Button>
      ),
    },
  ];
  return (
    <div style={{ marginTop: 16 }}>
      <Panel title={t('devices.tokens')} flush>
        <PagedTable
          label={t('devices.tokens')}
          columns={columns}
          pages={tokens}
          rowKey={(token) => token.id}
          empty={null}
        />
      </Panel>
      <Confirm
        opened={asked !== null}
        title={t('devices.revokeToken')}
        verb={t('devices.revokeToken')}
        danger
        busy={revoke.isPending}
        error={revoke.error}
        onClose={() => setAsked(null)}
        onConfirm={() =>
          asked && revoke.mutate({ params: { ...params, token: asked.id } }, { onSuccess: () => setAsked(null) })
        }
      >
        {t('devices.revokeTokenNote')}
      </Confirm>
    </div>
  );
}
