/** Every operation of the REST API, by name. */
import { accessRoutes } from './access.js';
import { catalogRoutes } from './catalog.js';
import { fleetRoutes } from './fleet.js';
import { releaseRoutes } from './releases.js';
import { rolloutRoutes } from './rollouts.js';
import { telemetryRoutes } from './telemetry.js';
import { workRoutes } from './work.js';

export const routes = {
  ...accessRoutes,
  ...catalogRoutes,
  ...workRoutes,
  ...releaseRoutes,
  ...fleetRoutes,
  ...rolloutRoutes,
  ...telemetryRoutes,
};
export type Routes = typeof routes;
export type RouteName = keyof Routes;
