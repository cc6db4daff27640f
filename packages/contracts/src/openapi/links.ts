/** Links: how the answer of one operation names what others ask for, so that programs and tests can go from one to the next. */
import { madeBy, stateRouteOf } from '../rest/related.js';
import { parameterNames } from '../rest/parameters.js';
import type { Route } from '../rest/route.js';
import { routes } from '../rest/routes.js';
import { isJson, pascal, type Json } from './json.js';

/** What a project is made for is all of the API: only what is asked of the project itself is linked. */
const LEADS_EVERYWHERE = '/projects/{project}';

/** Operations on one thing: on its path, or on a path of one word below it. */
function operationsOn(thing: string): [name: string, route: Route][] {
  const own = Object.entries<Route>(routes).filter(([, { path }]) => path === thing);
  if (thing === LEADS_EVERYWHERE) return own;
  const below = Object.entries<Route>(routes).filter(
    ([, { path }]) => path.startsWith(`${thing}/`) && !path.slice(thing.length + 1).includes('{'),
  );
  return [...own, ...below];
}

function linkTo(name: string, route: Route, parameter: string, value: string): Json {
  const others = parameterNames(route).filter((each) => each !== parameter);
  return {
    operationId: name,
    description: route.summary,
    parameters: {
      ...Object.fromEntries(others.map((each) => [each, `$request.path.${each}`])),
      [parameter]: value,
    },
  };
}

/** The path of one thing and the parameter that names it, for operations that answer its `id`. */
function thingOf(route: Route): { path: string; parameter: string } | undefined {
  const made = madeBy(route);
  if (made) return { path: made.route.path, parameter: made.parameter };
  const state = stateRouteOf(route)?.[1];
  if (state?.response !== undefined && state.response === route.response)
    return { path: state.path, parameter: parameterNames(state).at(-1)! };
  // Made, and answered by no operation of its own: a token, of which there is a DELETE.
  const below = Object.values<Route>(routes).find(
    ({ path }) => path.startsWith(`${route.path}/{`) && path.endsWith('}') && route.status === 201,
  );
  return below && { path: below.path, parameter: parameterNames(below).at(-1)! };
}

/** @param schema of the answer: a link is made from its `id` */
export function linksOf(route: Route, schema: Json | undefined): Json {
  if (!isJson(schema?.['properties']) || !('id' in schema['properties'])) return {};
  const thing = thingOf(route);
  if (!thing) return {};
  const links = operationsOn(thing.path).map(([name, to]) => [
    pascal(name),
    linkTo(name, to, thing.parameter, '$response.body#/id'),
  ]);
  return links.length > 0 ? { links: Object.fromEntries(links) as Json } : {};
}
