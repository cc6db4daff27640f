/** The one client of the REST API: same origin, the session cookie as credentials. */
import { createClient, type RouteName } from '@verge/contracts';
import { revalidating } from './revalidating.js';

export const client = createClient({ baseUrl: '', fetch: revalidating((input, init) => fetch(input, init)) });

/** What an operation takes besides its name: params, query and body as its route declares them. */
export type CallArguments<N extends RouteName> = Parameters<typeof client.call<N>>[1];
