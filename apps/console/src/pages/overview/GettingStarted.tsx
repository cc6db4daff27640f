import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CommandLine } from '../../components/CommandLine.js';
import { Panel } from '../../components/Panel.js';
import classes from './overview.module.css';
import { commands } from '../commands.js';

const steps = ['dataset', 'train', 'compress', 'sign', 'enroll', 'rollout'] as const;

/** The way from an empty project to a served model, as commands. */
export function GettingStarted(): ReactNode {
  const { t } = useTranslation();
  return (
    <Panel title={t('start.title')} note={t('start.note')}>
      <ol className={classes.steps}>
        {steps.map((step) => (
          <li key={step}>
            <Stack gap={6}>
              <Text size="sm">{t(`start.${step}`)}</Text>
              <CommandLine>{commands[step]}</CommandLine>
            </Stack>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
