/** Who is logged in, and the guard that sends everybody else to the login page and back. */
import type { User } from '@verge/contracts';
import { createContext, useContext, useEffect, type ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { isUnauthenticated, useRead } from '../api/query.js';
import { ErrorState } from '../components/ErrorState.js';
import { PageLoader } from '../components/PageLoader.js';
import { inBackground } from '../inBackground.js';
import { live } from '../live/live.js';
import { sessionEndedElsewhere, sessionRenewed, useSessionEnded } from './expiry.js';
import { loginPath } from './login-path.js';
import { SignInAgain } from './SignInAgain.js';

const SessionContext = createContext<User | null>(null);

export function useUser(): User {
  const user = useContext(SessionContext);
  if (!user) throw new Error('useUser is used outside RequireSession');
  return user;
}

export function RequireSession({ children }: { children: ReactNode }): ReactNode {
  const location = useLocation();
  const me = useRead('auth.me', {});
  const ended = useSessionEnded();
  const here = location.pathname + location.search;
  const id = me.data?.id;
  useEffect(() => {
    if (id === undefined) return;
    return live.onSession((user) => {
      if (user === null) sessionEndedElsewhere();
      else if (user === id) sessionRenewed();
      // Nothing of one person is shown to another.
      else window.location.assign('/');
    });
  }, [id]);
  if (me.data)
    return (
      <SessionContext value={me.data}>
        {children}
        {ended && <SignInAgain user={me.data} />}
      </SessionContext>
    );
  if (isUnauthenticated(me.error)) return <Navigate to={loginPath(here)} replace />;
  if (me.error) return <ErrorState error={me.error} onRetry={() => inBackground(me.refetch())} />;
  return <PageLoader />;
}
