/** Who is logged in, and the guard that sends everybody else to the login page and back. */
import type { User } from '@verge/contracts';
import { createContext, useContext, useEffect, type ReactNode } from 'react';
import { Navigate, useLocation, useNavigate } from 'react-router';
import { isUnauthenticated, useRead } from '../api/query.js';
import { ErrorState } from '../components/ErrorState.js';
import { PageLoader } from '../components/PageLoader.js';
import { onSessionExpired } from './expiry.js';
import { inBackground } from '../inBackground.js';

const SessionContext = createContext<User | null>(null);

export function useUser(): User {
  const user = useContext(SessionContext);
  if (!user) throw new Error('useUser is used outside RequireSession');
  return user;
}

export const loginPath = (next: string): string => `/login?next=${encodeURIComponent(next)}`;

export function RequireSession({ children }: { children: ReactNode }): ReactNode {
  const location = useLocation();
  const navigate = useNavigate();
  const me = useRead('auth.me', {});
  const here = location.pathname + location.search;
  useEffect(
    () => onSessionExpired(() => inBackground(navigate(`${loginPath(here)}&expired=1`, { replace: true }))),
    [here, navigate],
  );
  if (me.data) return <SessionContext value={me.data}>{children}</SessionContext>;
  if (isUnauthenticated(me.error)) return <Navigate to={loginPath(here)} replace />;
  if (me.error) return <ErrorState error={me.error} onRetry={() => inBackground(me.refetch())} />;
  return <PageLoader />;
}
