import { Button, Menu } from '@mantine/core';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useRead } from '../api/query.js';
import { projectPath, useProject } from '../session/project.js';
import { inBackground } from '../inBackground.js';

export function ProjectSwitcher(): ReactNode {
  const { t } = useTranslation();
  const project = useProject();
  const navigate = useNavigate();
  const projects = useRead('projects.list', { query: { limit: 500 } });
  return (
    <Menu position="bottom-start" shadow="md">
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          c="inherit"
          px={6}
          fw={500}
          maw={220}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          aria-label={t('shell.project', { name: project.name })}
        >
          {project.name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('shell.projects')}</Menu.Label>
        {projects.data?.items.map((each) => (
          <Menu.Item
            key={each.id}
            onClick={() => inBackground(navigate(projectPath(each.slug)))}
            rightSection={
              each.slug === project.slug ? <IconCheck size={14} aria-label={t('shell.current')} /> : undefined
            }
          >
            {each.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
