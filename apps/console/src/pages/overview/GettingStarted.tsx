import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CommandLine } from '../../components/CommandLine.js';
import { Panel } from '../../components/Panel.js';
import { useProject } from '../../session/project.js';
import { useUser } from '../../session/session.js';
import classes from './overview.module.css';
import { commands, loginCommand } from '../commands.js';

const steps = ['login', 'dataset', 'train', 'compress', 'sign', 'enroll', 'rollout'] as const;

/** The way from an empty project to a served model, as commands. */
export function GettingStarted(): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const { email } = useUser();
  const lines: Record<(typeof steps)[number], string> = {
    ...commands,
    login: loginCommand({ origin: window.location.origin, email, project: slug }),
    sign: [commands.init, commands.sign].join('\n'),
    enroll: [commands.group, commands.enroll].join('\n'),
  };
  return (
    <Panel title={t('start.title')} note={t('start.note')}>
      <ol className={classes.steps}>
        {steps.map((step) => (
          <li key={step}>
            <Stack gap={6}>
              <Text size="sm">{t(`start.${step}`)}</Text>
              <CommandLine>{lines[step]}</CommandLine>
            </Stack>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
