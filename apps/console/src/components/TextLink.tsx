import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';

interface Props {
  to: string;
  children: ReactNode;
  strong?: boolean;
  /** The number that it shows, when the list at `to` holds just as many rows. */
  count?: number;
}

export function TextLink({ to, children, strong, count }: Props): ReactNode {
  return (
    <Anchor component={Link} to={to} fz="inherit" fw={strong ? 500 : undefined} data-count={count}>
      {children}
    </Anchor>
  );
}
