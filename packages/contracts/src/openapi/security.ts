/** Who may call an operation, and what they show. */
import type { Route } from '../rest/route.js';
import type { Json } from './json.js';

export const SESSION_COOKIE = 'verge_session';

export const securitySchemes = {
  apiToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'vga_...',
    description: 'An API token (`tokens.create`): a role, in one project or in all of its user.',
  },
  userManagementToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'vga_...',
    description: 'An API token that was given the right to manage users.',
  },
  session: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'vgs_...',
    description: 'The `token` of a login (`auth.login`).',
  },
  sessionCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'The cookie of a login. With it a change is only taken from the origin of the control plane itself.',
  },
} as const satisfies Record<string, Json>;
type Scheme = keyof typeof securitySchemes;

/** Any one of them does. */
export function schemesOf({ role, credential }: Route): Scheme[] {
  if (role === 'public') return [];
  const session: Scheme[] = ['session', 'sessionCookie'];
  if (credential === 'session') return session;
  return [credential === 'user-management' ? 'userManagementToken' : 'apiToken', ...session];
}

export const securityOf = (route: Route): Json[] => schemesOf(route).map((scheme) => ({ [scheme]: [] }));

const credentials = {
  session: ' It needs a session: a login with a password, no API token.',
  'user-management': ' It needs a session, or an API token with the right to manage users.',
} as const;

export function whoMay({ role, credential, path }: Route): string {
  if (role === 'public') return 'It needs no credentials.';
  const where = path.startsWith('/projects/{project}') ? ' in the project' : '';
  return `It needs the role ${role}${where}.${credential ? credentials[credential] : ''}`;
}
