import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'react-router';

export interface Crumb {
  label: string;
  to: string;
}

interface Props {
  title: string;
  /** Beside the title: a state, for example. */
  mark?: ReactNode;
  note?: ReactNode;
  crumbs?: readonly Crumb[];
  actions?: ReactNode;
}

export function PageHeader({ title, mark, note, crumbs, actions }: Props): ReactNode {
  useEffect(() => {
    document.title = `${title} · Verge`;
  }, [title]);
  return (
    <Group component="header" justify="space-between" align="flex-end" gap="sm" mb="md" wrap="wrap">
      <Stack gap={2} style={{ minWidth: 0 }}>
        {crumbs && (
          <Breadcrumbs separatorMargin={6} fz="xs">
            {crumbs.map((crumb) => (
              <Anchor key={crumb.to} component={Link} to={crumb.to} fz="xs">
                {crumb.label}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group gap="sm" align="center">
          <Title order={1} style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
          {mark}
        </Group>
        {note !== undefined && (
          <Text component="div" size="sm" c="dimmed">
            {note}
          </Text>
        )}
      </Stack>
      {actions !== undefined && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
