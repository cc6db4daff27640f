import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Facts } from '../../components/Facts.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { useUser } from '../../session/session.js';
import { ChangePassword } from './ChangePassword.js';
import { SessionsPanel } from './SessionsPanel.js';
import { TokensPanel } from './TokensPanel.js';

/** What belongs to whoever is logged in. */
export function AccountPage(): ReactNode {
  const { t } = useTranslation();
  const user = useUser();
  return (
    <>
      <PageHeader title={t('account.title')} note={user.email} />
      <Stack gap="md">
        <Panel title={t('account.profile')}>
          <Facts
            items={[
              [t('account.name'), user.name],
              [t('account.email'), user.email],
              [t('account.administrator'), t(user.administrator ? 'account.yes' : 'account.no')],
              [t('account.projects'), user.memberships.map((m) => `${m.project} (${t(`role.${m.role}`)})`).join(', ')],
            ]}
          />
        </Panel>
        <ChangePassword />
        <SessionsPanel />
        <TokensPanel />
      </Stack>
    </>
  );
}
