/** Which operation answers the state that another changes or makes. */
import { parameterNames } from './parameters.js';
import type { Route } from './route.js';
import { routes } from './routes.js';

type Named = [name: string, route: Route];

const all = (): Named[] => Object.entries<Route>(routes);
const answering = (path: string): Named | undefined =>
  all().find(([, other]) => other.method === 'GET' && other.path === path && other.response !== undefined);

/**
 * The GET that answers the state of which an operation's If-Match speaks: on its own path, or on that of the noun whose verb it
 * is. What adds to a list changes no state that was there.
 */
export function stateRouteOf(route: Route): Named | undefined {
  if (route.method === 'POST' && answering(route.path)) return undefined;
  const noun = route.method === 'POST' ? route.path.replace(/\/[^/{]+$/, '') : route.path;
  return noun.endsWith('}') ? answering(noun) : undefined;
}

/** The path of which the answer is the state: that of a GET, or that of the thing which an operation changed and answers. */
export function pathOfState(route: Route): string | undefined {
  if (route.method === 'GET') return route.response ? route.path : undefined;
  const state = stateRouteOf(route)?.[1];
  return state && state.response === route.response ? state.path : undefined;
}

export interface Made {
  /** The operation that answers the new thing. */
  readonly name: string;
  readonly route: Route;
  /** Its path parameter that is the new thing's `id`; the others are those of the request. */
  readonly parameter: string;
}

/** How what an operation made is found again: what Location names. */
export function madeBy(route: Route): Made | undefined {
  if (route.status !== 201) return undefined;
  const found = all().find(
    ([name, { method, path, response }]) =>
      method === 'GET' &&
      response !== undefined &&
      (route.makes ? name === route.makes : path.startsWith(`${route.path}/{`) && path.endsWith('}')),
  );
  if (!found) return undefined;
  const [name, made] = found;
  return { name, route: made, parameter: parameterNames(made).at(-1)! };
}
