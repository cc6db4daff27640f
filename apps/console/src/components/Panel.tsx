import { Group, Text, Title } from '@mantine/core';
import { useId, type ReactNode } from 'react';
import classes from './Panel.module.css';

interface Props {
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  /** Without inner space, for tables. */
  flush?: boolean;
  children: ReactNode;
}

/** A titled region of a page. */
export function Panel({ title, note, actions, flush, children }: Props): ReactNode {
  const id = useId();
  return (
    <section className={classes.panel} {...(title ? { 'aria-labelledby': id } : {})}>
      {title && (
        <Group className={classes.head} justify="space-between" gap="xs">
          <Group gap="xs" align="baseline">
            <Title order={2} fz="sm" id={id}>
              {title}
            </Title>
            {note !== undefined && (
              <Text component="span" fz="xs" c="dimmed">
                {note}
              </Text>
            )}
          </Group>
          {actions}
        </Group>
      )}
      <div className={flush ? undefined : classes.body}>{children}</div>
    </section>
  );
}
