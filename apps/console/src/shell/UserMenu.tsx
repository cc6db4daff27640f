import { ActionIcon, Menu, Text } from '@mantine/core';
import { IconBook2, IconKeyboard, IconLogout, IconUserCircle, IconUserCog } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { client } from '../api/client.js';
import { live } from '../live/live.js';
import { useProject } from '../session/project.js';
import { useUser } from '../session/session.js';
import { inBackground } from '../inBackground.js';

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }): ReactNode {
  const { t } = useTranslation();
  const user = useUser();
  const project = useProject();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const leave = async (): Promise<void> => {
    await client.call('auth.logout', {}).catch(() => undefined);
    live.saySession(null);
    await navigate('/login', { replace: true });
    cache.clear();
  };
  return (
    <Menu shadow="md" position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label={t('shell.account', { name: user.name || user.email })}>
          <IconUserCircle size={20} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" c="var(--mantine-color-text)" truncate>
            {user.name || user.email}
          </Text>
          <Text size="xs" truncate>
            {user.email} · {t(`role.${project.role}`)}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item component={Link} to={project.to('/account')} leftSection={<IconUserCog size={15} aria-hidden />}>
          {t('account.title')}
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={15} aria-hidden />} onClick={onShortcuts}>
          {t('shell.shortcuts')}
        </Menu.Item>
        <Menu.Item component="a" href="/api/v1/docs" target="_blank" leftSection={<IconBook2 size={15} aria-hidden />}>
          {t('shell.apiReference')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} aria-hidden />} onClick={() => inBackground(leave())}>
          {t('shell.logout')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
