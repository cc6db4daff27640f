import { Button, Menu, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useRead } from '../api/query.js';
import { projectPath, useProject } from '../session/project.js';
import { inBackground } from '../inBackground.js';

const SHOWN = 30;

export function ProjectSwitcher(): ReactNode {
  const { t } = useTranslation();
  const project = useProject();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [q] = useDebouncedValue(text.trim(), 250);
  const projects = useRead(
    'projects.list',
    { query: { limit: SHOWN, sort: 'name', q: q || undefined } },
    { keep: true },
  );
  const more = (projects.data?.total ?? 0) - (projects.data?.items.length ?? 0);
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
        {(more > 0 || text !== '') && (
          <TextInput
            size="xs"
            m={4}
            aria-label={t('shell.searchProjects')}
            placeholder={t('shell.searchProjects')}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
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
        {more > 0 && <Menu.Label>{t('common.moreToSearch', { count: more, n: more })}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
