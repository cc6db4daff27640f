import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { CommandLine } from './CommandLine.js';
import classes from './states.module.css';

interface Props {
  title: string;
  /** What to do next. */
  hint: string;
  /** The command that does it. */
  command?: string;
  /** The button that does it. */
  action?: ReactNode;
  icon?: ReactNode;
  /** It is all there is on the page: its title is the page's. */
  main?: boolean;
}

export function EmptyState({ title, hint, command, action, icon, main }: Props): ReactNode {
  return (
    <Stack className={classes.state} align="center" gap="xs">
      {icon}
      <Title order={main ? 1 : 2}>{title}</Title>
      <Text size="sm" c="dimmed" maw={520}>
        {hint}
      </Text>
      {action}
      {command !== undefined && <CommandLine>{command}</CommandLine>}
    </Stack>
  );
}
