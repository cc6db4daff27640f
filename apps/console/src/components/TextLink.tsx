import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';

export function TextLink({ to, children, strong }: { to: string; children: ReactNode; strong?: boolean }): ReactNode {
  return (
    <Anchor component={Link} to={to} fz="inherit" fw={strong ? 500 : undefined}>
      {children}
    </Anchor>
  );
}
